//! A file becomes a [`Setup`], or a list of faults.

use std::path::Path;

use b2bua::config::{Bot, Hook};

use super::fault::{Faults, Report};
use super::names::Names;
use super::section::Section;
use super::setup::Setup;
use super::source::{self, Environment};
use super::{
    bot, callback, codes, hook, menu, operator, queue, recording, route, server, trunk, warn,
    webhook,
};

/// Tables of the file that will be understood one day.
const LATER: &[&str] = &["tls", "outcome", "store", "journal"];

/// What is read together with a configuration.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) setup: Setup,
    /// What is allowed, but hardly meant.
    pub(crate) warnings: Faults,
}

/// Nothing can be run from this file.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// Why, at least one.
    pub(crate) faults: Faults,
    /// What is odd besides.
    pub(crate) warnings: Faults,
}

/// Reads and checks a configuration, with the environment of the process.
///
/// # Errors
/// All faults there are, not only the first.
pub(crate) fn load(path: &Path) -> Result<Loaded, Unusable> {
    load_with(path, &|name| std::env::var(name).ok())
}

pub(super) fn load_with(path: &Path, environment: Environment<'_>) -> Result<Loaded, Unusable> {
    let report = Report::default();
    let root = source::read(path, environment, &report);
    let setup = match Section::new("the file", &root, &report) {
        // A file that could not be read has no other fault worth a line.
        Some(root) if !(root.is_empty() && report.has_faults()) => Some(build(&root)),
        _ => None,
    };
    let (faults, warnings) = report.finish();
    match setup {
        Some(setup) if faults.0.is_empty() => Ok(Loaded { setup, warnings }),
        _ => Err(Unusable { faults, warnings }),
    }
}

/// Those who are asked where a call goes.
fn asked(root: &Section<'_>, names: &mut Names) -> (Vec<Bot>, Vec<Hook>) {
    let bots = root.tables("bot", "[[bot]]").into_iter();
    let bots = bots.filter_map(|table| bot::read(table, names)).collect();
    let hooks = root.tables("hook", "[[hook]]").into_iter();
    (bots, hooks.filter_map(|table| hook::read(table, names)).collect())
}

fn build(root: &Section<'_>) -> Setup {
    let mut names = Names::default();
    let node = server::node(root);
    let mut sip = server::sip(root);
    let limits = server::limits(root, &mut sip.core);
    let auto_connect = server::acd(root);
    let supervise = server::supervise(root);
    let codes = codes::read(root);
    let (mut media, media_core) = server::media(root, &sip, &node.data_dir);
    let music = crate::sound::music_names(&media.sounds);
    let http = server::http(root, &mut names);
    let recording = recording::read(root, &node.data_dir);

    let each = |key, shown| root.tables(key, shown).into_iter();
    let trunks: Vec<_> =
        each("trunk", "[[trunk]]").map(|table| trunk::read(table, &mut names)).collect();
    let mut operators: Vec<_> = each("operator", "[[operator]]")
        .flat_map(|table| operator::read(table, &mut names))
        .collect();
    let queues: Vec<_> = each("queue", "[[queue]]")
        .map(|table| queue::read(table, &mut names, auto_connect, &music))
        .collect();
    let (bots, hooks) = asked(root, &mut names);
    let routes: Vec<_> =
        each("route", "[[route]]").map(|table| route::read(&table, &mut names)).collect();
    let menus: Vec<_> =
        each("menu", "[[menu]]").map(|table| menu::read(table, &mut names)).collect();
    media.sounds.named = queues.iter().filter_map(|queue| queue.core.music.clone()).collect();
    let webhooks = each("webhook", "[[webhook]]")
        .filter_map(|table| webhook::read(table, &mut names))
        .collect();
    root.finish(LATER);
    names.finish(root.report);
    operator::reach(&mut operators, &trunks, root.report);
    trunk::check(&trunks, &operators, root.report);
    route::check(&routes, &trunks, root.report);
    callback::check(&queues, &trunks, root.report);
    let read = (queues.as_slice(), menus.as_slice(), routes.as_slice());
    warn::all(root, &operators, read, (&http, auto_connect));
    warn::words(root.report, read, &media.sounds, &media_core.language);
    warn::ports(root, &media, &limits);
    warn::recording(root, &media_core, &queues);

    sip.core.users = operators.iter().filter_map(|operator| operator.credentials.clone()).collect();
    sip.core.trunks = trunks.iter().map(|trunk| trunk.peer.clone()).collect();
    Setup {
        node_name: node.name,
        data_dir: node.data_dir,
        time_zone: node.time_zone,
        core: b2bua::Config {
            sip: sip.core,
            listeners: sip.listen.iter().map(|listen| listen.address).collect(),
            node: node.number,
            media: media_core,
            operators: operators.into_iter().map(|operator| operator.core).collect(),
            queues: queues.into_iter().map(|queue| queue.core).collect(),
            trunks: trunks.into_iter().map(|trunk| trunk.core).collect(),
            menus: menus.into_iter().map(|menu| menu.core).collect(),
            bots,
            hooks,
            routes: routes.into_iter().map(|route| route.core).collect(),
            auto_connect,
            limits,
            supervise,
            codes,
            header_prefix: sip.header_prefix,
        },
        listen: sip.listen,
        media,
        recording,
        http,
        webhooks,
    }
}
