//! `[[hook]]`: who is asked where calls go.

use b2bua::config::{Go, Hook};

use super::destination;
use super::names::{Names, Thing};
use super::section::Section;

pub(super) fn read(mut section: Section<'_>, names: &mut Names) -> Option<Hook> {
    let name = section.required("name", "a name such as \"crm\"");
    section.is_called(name.map_or("", |name| name.text));
    if let Some(name) = name {
        names.define(Thing::Hook, name.text, section.at, section.report);
    }
    let expected = "a URL such as \"https://crm.example/route\"";
    let url = section.required("url", expected).filter(|url| {
        let is_http = ["http://", "https://"].iter().any(|start| url.text.starts_with(start));
        if !is_http {
            let what = section.what();
            section
                .report
                .fault(url.at, format!("`url` of {what} is `{}`; expected {expected}", url.text));
        }
        is_http
    });
    let deadline_ms = section.whole("deadline_ms", 1_500_u32, 50..=10_000);
    let otherwise = match section.table("on_error") {
        Some(table) => destination::read(&table, names).filter(|go| {
            let is_hook = matches!(go, Go::Hook(_));
            if is_hook {
                let what = table.what();
                table.report.fault(table.at, format!("{what} leads to a hook again"));
            }
            !is_hook
        }),
        None => {
            section.report.fault(
                section.at,
                format!(
                    "{} has no `on_error`; expected such as {{ queue = \"support\" }}",
                    section.what()
                ),
            );
            None
        }
    };
    section.finish(&[]);
    Some(Hook {
        name: name?.text.into(),
        url: url?.text.into(),
        deadline_ms: u64::from(deadline_ms),
        otherwise: otherwise?,
    })
}
