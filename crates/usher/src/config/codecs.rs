//! `codecs` of `[media]`, of a trunk and of an operator.

use media::Codec;

use super::section::Section;

/// By preference; `None` where nothing is said.
pub(super) fn read(section: &Section<'_>) -> Option<Vec<Codec>> {
    let names = Codec::ALL.map(|codec| codec.name().to_lowercase());
    let known = names.join(", ");
    let expected = format!("a list of {known}");
    let texts = section.texts("codecs", &expected)?;
    let what = section.what();
    let mut codecs = Vec::new();
    for text in &texts {
        let fault = |problem: String| section.report.fault(text.at, problem);
        match Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(text.text)) {
            Some(codec) if codecs.contains(&codec) => {
                fault(format!("codec `{}` of {what} is there twice", text.text));
            }
            Some(codec) => codecs.push(codec),
            None if text.text.eq_ignore_ascii_case("g729") => {
                fault(format!("`{}` of {what} is not supported; there are {known}", text.text));
            }
            None => fault(format!("`{}` of {what} is no codec; expected {expected}", text.text)),
        }
    }
    if texts.is_empty() {
        section
            .report
            .fault(section.at, format!("`codecs` of {what} is empty; expected {expected}"));
    }
    Some(codecs)
}
