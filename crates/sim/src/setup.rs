//! Addresses and configuration of the simulated contact centre.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use b2bua::config::{
    Announce, Answer, Asks, Bot, Codes, Config, Go, HeaderRules, Identity, Level, Limits, Media,
    Menu, Operator, Outgoing, Pickup, Queue, Rank, Route, SignIn, Supervise, Trunk,
};
use b2bua::{Origin, Rewriting, Sound, Sounds};
use sip::{Block, Credentials, TrunkPeer};

use crate::dice::Dice;
use crate::ladder::{Ladder, SWITCH_NAME};
use crate::peer::{PASSWORD, Peer, base_config, parsed};
use crate::scenario::Scenario;

/// Where the switch is.
pub(crate) const SWITCH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);
/// Where all callers come from.
pub(crate) const TRUNK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 2, 1)), 5060);

/// How long a task is not put before an operator again.
pub(crate) const BACK_OFF_MS: u64 = 1_000;

/// The id of an operator by number.
#[must_use]
pub(crate) fn operator_id(at: usize) -> String {
    format!("op{at}")
}

/// What others dial.
pub(crate) fn number(at: usize) -> String {
    (100 + at).to_string()
}

/// Whether an operator, by number, may watch.
pub(crate) fn supervises(scenario: &Scenario, at: usize) -> bool {
    at + scenario.supervisors >= scenario.operators.len()
}

/// Whether an operator, by number, serves the queue.
pub(crate) fn serves(scenario: &Scenario, at: usize) -> bool {
    !supervises(scenario, at) || at.is_multiple_of(2)
}

/// The trunk first, then each operator's phones.
pub(crate) fn peers(scenario: &Scenario, dice: &mut Dice, ladder: &mut Ladder) -> Vec<Peer> {
    ladder.name(TRUNK, "caller");
    ladder.name(SWITCH, SWITCH_NAME);
    let mut peers = vec![Peer::new(TRUNK, SWITCH, "trunk", dice)];
    for (at, operator) in scenario.operators.iter().enumerate() {
        for phone in 0..operator.phones {
            let address = phone_at(at, phone);
            let name = operator_id(at);
            let name = if operator.phones > 1 { format!("{name}.{phone}") } else { name };
            ladder.name(address, &name);
            let mut peer = Peer::new(address, SWITCH, &operator_id(at), dice);
            peer.registration.is_wrong = operator.wrong_password;
            peers.push(peer);
        }
    }
    peers
}

/// Where a phone of an operator is.
fn phone_at(operator: usize, phone: usize) -> SocketAddr {
    let host = 0x0a00_0301 + u32::try_from(4 * operator + phone).unwrap_or(0);
    SocketAddr::new(Ipv4Addr::from(host).into(), 5060)
}

/// The bot, if there is one, and how it is reached: by an operator's number.
fn bots(scenario: &Scenario) -> (Vec<Bot>, Vec<Route>) {
    let bot = scenario.bot.filter(|at| *at < scenario.operators.len());
    let Some(at) = bot else { return (Vec::new(), Vec::new()) };
    let uri = parsed(&format!("sip:greeter@{}", phone_at(at, 0)));
    let (name, trunk, outgoing): (b2bua::config::Name, _, _) =
        ("greeter".into(), None, Outgoing::Internal);
    let to = Some(format!("^{}$", operator_id(at)));
    let go = Go::Bot(name.clone());
    let route = Route { to, from: None, trunk: None, header: Vec::new(), hours: None, go };
    (vec![Bot { name, uri, trunk, outgoing }], vec![route])
}

/// Where an operator is called who has no phone registered.
fn contact(scenario: &Scenario, at: usize) -> Option<Go> {
    let uri = || parsed(&format!("sip:{}@{}", operator_id(at), phone_at(at, 0)));
    scenario.outside.contains(&at).then(|| Go::Uri(uri()))
}

/// What there is to be heard: where customers are handed on, what tells them that there is nobody too.
pub(crate) fn sounds(scenario: &Scenario) -> Sounds {
    let sound = |name: &str| (name.into(), Sound { origin: Origin::MadeIn, ms: 1_000 });
    let all = ["default", "en/closed", "en/digits/1", "en/call-accept", "en/queue-youarenext"];
    let regret = scenario.transfer_ms.map(|_| "en/nobody-here");
    let called_back: &[&str] = match scenario.callbacks {
        Some(_) => &["en/callback-confirm", "en/callback-operator", "en/callback-customer"],
        None => &[],
    };
    let all = all.into_iter().chain(regret).chain(called_back.iter().copied());
    Sounds { sounds: all.map(sound).collect(), mute: None }
}

/// One queue that everybody serves, one trunk.
pub(crate) fn config(scenario: &Scenario) -> Config {
    let ids: Vec<String> = (0..scenario.operators.len()).map(operator_id).collect();
    let mut sip = base_config();
    sip.watch = scenario.watch;
    sip.users = ids
        .iter()
        .map(|id| Credentials { username: id.as_str().into(), password: PASSWORD.into() })
        .collect();
    sip.trunks = vec![TrunkPeer {
        name: "carrier".into(),
        hosts: match scenario.trunk_digest {
            true => Vec::new(),
            false => vec![Block { address: TRUNK.ip(), prefix: 32 }],
        },
        credentials: scenario.trunk_digest.then(trunk_credentials),
    }];
    let operator = |(at, id): (usize, &String)| Operator {
        id: id.as_str().into(),
        number: Some(number(at).into()),
        name: id.as_str().into(),
        contact: contact(scenario, at),
        queues: if serves(scenario, at) { vec!["support".into()] } else { Vec::new() },
        skills: scenario.skills.get(at).cloned().unwrap_or_default(),
        weight: 1,
        wrap_up_ms: None,
        sign_in: SignIn::Register,
        outgoing: Outgoing::Internal,
        total_max: 4,
        voice_max: 1,
        headers: HeaderRules::of_operator(),
        caller_id: None,
        pickup: Pickup::Any,
        codecs: None,
        rank: if supervises(scenario, at) { Rank::Supervisor } else { Rank::Operator },
        supervises: vec!["support".into()],
    };
    let (bots, to_bot) = bots(scenario);
    Config {
        sip,
        listeners: vec![SWITCH],
        node: 1,
        media: Media {
            listen: [0, 0, 0, 0].into(),
            advertise: None,
            codecs: media::Codec::ALL.to_vec(),
            music: "default".into(),
            language: "en".into(),
            dead_audio_ms: scenario.dead_audio_ms,
            asymmetric_rtp: false,
            record: scenario.record,
        },
        operators: ids.iter().enumerate().map(operator).collect(),
        queues: vec![queue(scenario)],
        trunks: vec![carrier()],
        bots,
        routes: routes(scenario, to_bot),
        menus: scenario.reception.menu.iter().cloned().collect(),
        hooks: crate::hooks::hooks(scenario),
        auto_connect: true,
        limits: Limits { calls_max: 100_000, context_value_max: 1_024, context_values_max: 32 },
        supervise: Supervise { notify: scenario.notify, auto_answer: true },
        codes: Codes::default(),
        header_prefix: "X-CRM-".into(),
    }
}

/// The trunk that everybody calls by.
fn carrier() -> Trunk {
    Trunk {
        name: "carrier".into(),
        proxy: Some(parsed(&format!("sip:{TRUNK}"))),
        credentials: None,
        calls_max: 100_000,
        outgoing: Outgoing::Internal,
        headers: HeaderRules::of_trunk(),
        trusted: true,
        number_in: Rewriting::default(),
        number_out: Rewriting::default(),
        identity: Identity::Customer,
        caller_id: None,
        redirects: sip::Redirects::Refused,
        codecs: None,
    }
}

fn routes(scenario: &Scenario, to_bot: Vec<Route>) -> Vec<Route> {
    let refused = scenario.reception.refused.map(|who| Route {
        to: None,
        from: Some(format!("^c{who}$")),
        trunk: Some("carrier".into()),
        header: Vec::new(),
        hours: None,
        go: Go::Reject(603),
    });
    let to_menu = scenario.reception.menu.iter().map(to_menu);
    let to_hook = scenario.hooked.then(|| Route {
        to: Some("^600$".into()),
        from: None,
        trunk: Some("carrier".into()),
        header: Vec::new(),
        hours: None,
        go: Go::Hook("crm".into()),
    });
    refused.into_iter().chain(to_bot).chain(to_hook).chain(to_menu).collect()
}

/// Whoever calls the queue from outside comes to the menu.
fn to_menu(menu: &Menu) -> Route {
    Route {
        to: Some("^600$".into()),
        from: None,
        trunk: Some("carrier".into()),
        header: Vec::new(),
        hours: None,
        go: Go::Menu(menu.name.clone()),
    }
}

/// Who the trunk says it is where it is asked.
pub(crate) fn trunk_credentials() -> Credentials {
    Credentials { username: "carrier".into(), password: PASSWORD.into() }
}

/// The configuration without an operator; or with everybody, and a queue more.
pub(crate) fn reloaded(scenario: &Scenario, without: Option<usize>) -> Config {
    let mut config = config(scenario);
    match without {
        Some(at) => {
            let id = operator_id(at);
            config.operators.retain(|operator| *operator.id != *id);
            config.sip.users.retain(|user| *user.username != *id);
        }
        None => config.queues.push(Queue {
            name: "sales".into(),
            number: Some("601".into()),
            ..queue(scenario)
        }),
    }
    config
}

/// Who serves, and from when of its waiting on a task may be theirs; never, if none.
pub(crate) fn members(config: &Config) -> BTreeMap<String, Option<u64>> {
    let asks = config.queues.first().map(|queue| queue.asks.clone()).unwrap_or_default();
    let serving = config.operators.iter().filter(|operator| !operator.queues.is_empty());
    serving.map(|operator| (operator.id.to_string(), able_after(operator, &asks))).collect()
}

fn able_after(operator: &Operator, asks: &Asks) -> Option<u64> {
    let has = |(skill, asked): &Level| {
        operator.skills.iter().any(|(held, level)| held == skill && level >= asked) || *asked == 0
    };
    let rings = asks.relax.iter().map(|(after_ms, skills)| (*after_ms, skills));
    let mut rings = std::iter::once((0, &asks.skills)).chain(rings);
    rings.find(|(_, skills)| skills.iter().all(has)).map(|(after_ms, _)| after_ms)
}

fn queue(scenario: &Scenario) -> Queue {
    Queue {
        name: "support".into(),
        number: Some("600".into()),
        strategy: scenario.strategy,
        asks: scenario.asks.clone(),
        step_ms: scenario.step_ms,
        sticky_ms: 0,
        sticky_wait_ms: 0,
        priority_s: 0,
        ring_ms: scenario.ring_s * 1_000,
        wrap_up_ms: scenario.wrap_up_s * 1_000,
        rona_after: 0,
        rona_state: acd::RonaState::NotReady,
        back_off_ms: BACK_OFF_MS,
        waiting_max: scenario.reception.waiting_max.unwrap_or(1_000),
        wait_ms_max: scenario.wait_s_max * 1_000,
        join_empty: true,
        auto_connect: !scenario.by_hand,
        hold: scenario.hold.is_some(),
        hold_for: scenario.hold.unwrap_or(acd::Hold::Released),
        calendar: scenario.reception.calendar.clone(),
        music: None,
        language: None,
        help_hold: scenario.help_hold,
        pre_bridge: scenario.pre_bridge.clone(),
        answer: if scenario.at_once { Answer::AtOnce } else { Answer::OnConnect },
        service_level_ms: 20_000,
        on_limit: scenario.reception.on_limit.clone(),
        delivery: scenario.delivery,
        exits: scenario.reception.exits.clone(),
        after: scenario.reception.after.clone(),
        announce: scenario
            .reception
            .announce_ms
            .map(|position_every_ms| Announce { position_every_ms }),
        record: None,
        caller_id: None,
        callback: scenario.callbacks.as_ref().map(|house| house.policy.clone()),
        abandoned: scenario.callbacks.as_ref().map_or_else(Default::default, |h| h.abandoned),
    }
}
