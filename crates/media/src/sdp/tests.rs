use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Description, Problem> {
    Description::parse(text.replace('\n', "\r\n").as_bytes())
}

fn ip(text: &str) -> Option<Address> {
    Some(Address::Ip(text.parse().unwrap()))
}

#[test]
fn an_odd_description_is_understood() {
    let text = "v=0
o=Cisco Systems SIP GW 41 7 IN IP4 192.0.2.9
b=AS:84
garbage
z
=
c=IN IP4 192.0.2.1/127
t=0 0
a=sendonly
a=ptime:30
x=unknown
m=video 0 RTP/AVP 31
m=audio 49170/2 rtp/avp 0 8 97 101 abc 200
b=TIAS:64000
c=IN IP6 2001:db8::1
a=rtpmap:97 iLBC/8000
a=rtpmap:101 telephone-event/8000/1
a=fmtp:101 0-16,32
a=rtcp:53020 IN IP4 126.16.64.4
a=rtcp-mux
a=RecvOnly
a=maxptime:60.0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
";
    let description = parse(text).unwrap();
    assert_eq!((description.id, description.version), (41, 7));
    assert_eq!(description.address, ip("192.0.2.9"));
    let [video, audio, data] = &description.media[..] else { panic!("{description:?}") };
    assert_eq!((video.port, video.direction), (0, Direction::SendOnly));
    assert_eq!(video.address, ip("192.0.2.1"));
    assert!(audio.is_plain_audio() && !video.is_plain_audio() && !data.is_plain_audio());
    assert_eq!((audio.port, audio.direction), (49_170, Direction::RecvOnly));
    assert_eq!(audio.payload_types().collect::<Vec<_>>(), [0, 8, 97, 101]);
    assert_eq!(audio.address, ip("2001:db8::1"));
    assert_eq!(audio.rtcp, Some((53_020, ip("126.16.64.4"))));
    assert_eq!((audio.mux, audio.ptime_ms, audio.maxptime_ms), (true, Some(30), Some(60)));
    assert_eq!(audio.map(101).unwrap().name, "telephone-event");
    assert_eq!(audio.parameters, [(101, "0-16,32".to_owned())]);
    assert_eq!(data.formats, ["webrtc-datachannel"]);
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let check = |text: &str, problem| assert_eq!(parse(text), Err(problem), "{text}");
    check("", Problem::NoMedia);
    check("v=0\no=- 1 1 IN IP4 1.1.1.1\n", Problem::NoMedia);
    check("m=audio 65536 RTP/AVP 0\n", Problem::BadPort);
    check("m=audio -1 RTP/AVP 0\n", Problem::BadPort);
    check("m=audio x RTP/AVP 0\n", Problem::BadPort);
    check("m=audio\n", Problem::BadPort);
    check(&"m=audio 9 RTP/AVP 0\n".repeat(65), Problem::TooLarge);
    check(&format!("m=audio 9 RTP/AVP{}\n", " 0".repeat(65)), Problem::TooLarge);
    check(&"a=b\n".repeat(9_000), Problem::TooLarge);
    assert!(parse(&"m=audio 9 RTP/AVP 0\n".repeat(64)).is_ok());
}

#[test]
fn addresses() {
    let check = |text: &str, forbidden, hole| {
        let description = parse(&format!("c=IN IP4 {text}\nm=audio 9 RTP/AVP 0\n")).unwrap();
        let address = description.media[0].address.unwrap();
        assert_eq!((address.is_forbidden(), address.is_hole()), (forbidden, hole), "{text}");
    };
    check("192.0.2.1", false, false);
    check("host.example", false, false);
    check("", false, false);
    check("0.0.0.0", false, true);
    check("::", false, true);
    check("224.2.1.1/127/3", true, false);
    check("255.255.255.255", true, false);
    check("169.254.169.254", true, false);
    check("::ffff:169.254.169.254", true, false);
    check("ff02::1", true, false);
    check("[2001:db8::1]", false, false);
}

#[test]
fn what_is_printed_is_read() {
    let mut audio = Media::bare("audio", 4_000, "RTP/AVP", vec!["8".into(), "101".into()]);
    audio.address = ip("2001:db8::1");
    audio.direction = Direction::Inactive;
    audio.maps = vec![
        Map { payload_type: 8, name: "PCMA".into(), rate_hz: 8_000, channels: 0 },
        Map { payload_type: 101, name: "opus".into(), rate_hz: 48_000, channels: 2 },
    ];
    audio.parameters = vec![(101, "useinbandfec=1".into())];
    audio.rtcp = Some((4_009, ip("192.0.2.7")));
    (audio.mux, audio.ptime_ms, audio.maxptime_ms) = (true, Some(20), Some(40));
    let mut video = Media::bare("video", 0, "RTP/SAVPF", vec!["96".into()]);
    video.address = ip("192.0.2.1");
    let description =
        Description { id: 5, version: 6, address: ip("192.0.2.1"), media: vec![audio, video] };
    let text = description.to_string();
    assert_eq!(Description::parse(text.as_bytes()), Ok(description));
}

proptest! {
    #[test]
    fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Description::parse(&body);
    }

    #[test]
    fn no_line_panics_and_what_was_read_can_be_printed(
        lines in prop::collection::vec("[vosctbma]=(audio|a|rtpmap|fmtp|rtcp|IN)?[ :/0-9a-z.]{0,20}", 0..20),
    ) {
        let text = lines.join("\n");
        if let Ok(description) = Description::parse(text.as_bytes()) {
            let again = Description::parse(description.to_string().as_bytes()).unwrap();
            prop_assert_eq!(again.media.len(), description.media.len());
        }
    }
}
