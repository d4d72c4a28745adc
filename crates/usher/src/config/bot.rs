//! `[[bot]]`: a SIP peer that talks with callers by itself.

use b2bua::config::Bot;

use super::names::{Names, Thing};
use super::section::Section;
use super::{operator, trunk};

pub(super) fn read(mut section: Section<'_>, names: &mut Names) -> Option<Bot> {
    let name = section.required("name", "a name such as \"greeter\"").map_or("", |name| name.text);
    section.is_called(name);
    if !name.is_empty() {
        names.define(Thing::Bot, name, section.at, section.report);
    }
    let uri = section.required("uri", "a SIP URI such as \"sip:bot@203.0.113.7\"");
    let uri = uri.and_then(|text| trunk::uri(&section, "uri", text));
    let trunk = section.text("trunk", "a trunk's name");
    if let Some(trunk) = trunk {
        names.refer(Thing::Trunk, trunk, section.what());
    }
    let outgoing = operator::outgoing(&section);
    section.finish(&[]);
    let trunk = trunk.map(|trunk| trunk.text.into());
    uri.map(|uri| Bot { name: name.into(), uri, trunk, outgoing })
}
