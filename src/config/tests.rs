//! What a configuration file may say: defaults, the place of each complaint, overrides from the environment,
//! secrets, and what only a restart changes. The text alone is read; `ringback check` looks at the machine.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::recording::WhenUnable;

fn parse(text: &str) -> Result<Config, Vec<Diagnostic>> {
    parse_with(text, &[])
}

fn parse_with(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<Diagnostic>> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("config.toml", text, environment, Path::new("/srv/ringback"))
}

fn complaint(text: &str) -> String {
    parse(text).unwrap_err()[0].to_string()
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.sip.udp.0[0].to_string(), "127.0.0.1:5060");
    assert_eq!(config.rtp.ports, PortRange(20_000..=29_999));
    assert_eq!(config.queue.len(), 3);
    assert_eq!(config.store.url, "sqlite:///srv/ringback/data/ringback.db");
    assert_eq!(config.city.addresses, None);
    assert_eq!(config.prompts(), Path::new("/srv/ringback/dialplans/prompts"));
}

#[test]
fn the_address_register_stands_beside_the_file() {
    let config = parse("[city]\naddresses = \"addresses.csv\"\n").unwrap();
    assert_eq!(config.city.addresses.as_deref(), Some(Path::new("/srv/ringback/addresses.csv")));
}

#[test]
fn the_shipped_file_says_the_defaults() {
    let shipped = include_str!("../../config.toml");
    let mut expected = parse("").unwrap();
    expected.trunk = parse(shipped).unwrap().trunk;
    assert_eq!(parse(shipped).unwrap(), expected);
}

#[test]
fn every_complaint_has_its_place() {
    for (text, expected) in [
        ("[sip]\nudpp = \"127.0.0.1:5060\"\n", "config.toml:2:1: unknown key `udpp`; did you mean `udp`?"),
        ("[sipp]\n", "config.toml:1:2: unknown key `sipp`; did you mean `sip`?"),
        ("[sip]\ncapacity = 0\n", "config.toml:2:12: 0 is outside 1 to 10000"),
        ("[rtp]\n  ports = \"9-8\"\n", "config.toml:2:11: '9-8' is no port range"),
        (
            "[[trunk]]\nname = \"a\"\nfrom = [\"10.0.0.0/40\"]\n",
            "config.toml:3:8: '10.0.0.0/40' is no address",
        ),
        ("[number]\nshort = \"15x\"\n", "config.toml:2:1: the short number consists of digits"),
        ("[store]\nurl = \"mysql://x\"\n", "config.toml:2:1: the store's URL begins with sqlite://"),
        (
            "[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\n[[trunk]]\nname = \"b\"\n",
            "config.toml:5:1: a trunk needs",
        ),
        (
            "[sip]\ntcp = []\n[[trunk]]\nname = \"a\"\nto = [\"sip:a.example;transport=tls\"]\n",
            "config.toml:5:1: a server needs a transport",
        ),
        ("[[trunk]]\nname = \"a\"\nto = [\"tel:101\"]\n", "config.toml:3:6: 'tel:101' is no server"),
        (
            "[[trunk]]\nname = \"a\"\nto = [\"sip:me@a.example\"]\n",
            "config.toml:3:6: 'sip:me@a.example' is no",
        ),
        (
            "[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\nregister = true\n",
            "config.toml:4:1: registering needs",
        ),
        ("[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\nmax_calls = 0\n", "config.toml:4:13: 0 is outside 1 to"),
        (
            "[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\ncountry_code = \"+380\"\n",
            "config.toml:4:1: a country",
        ),
        ("[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\nnational_prefix = \"0\"\n", "config.toml:4:1: a prefix"),
        ("[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\ncaller = \"city\"\n", "config.toml:4:1: the caller is"),
        ("[number]\naliases = [\"\"]\n", "config.toml:2:1: an alias is a number"),
        (
            "[[queue]]\nname = \"a\"\n[[queue]]\nname = \"a\"\n",
            "config.toml:4:1: another queue has this name",
        ),
        ("[[queue]]\nname = \"a\"\nextension = \"8a\"\n", "config.toml:3:1: an extension consists of digits"),
        (
            "[[queue]]\nname = \"a\"\nextension = \"8\"\n[[queue]]\nname = \"b\"\nextension = \"8\"\n",
            "config.toml:6:1: another queue has this extension",
        ),
        ("[operator]\nready_code = \"71\"\n", "config.toml:2:1: a star code is"),
        ("[sip\n", "config.toml:1:5: "),
        ("[sip]\nudp = \"0.0.0.0:5060\"\n", "config.toml:2:1: others reach us here"),
        ("[sip]\ntcp = \"[2001:db8::1]:5060\"\n", "config.toml:2:1: others reach us here"),
        (
            "[sip]\ncapacity = 200\n[rtp]\nports = \"20000-21197\"\n",
            "config.toml:4:1: the RTP ports make 599 pairs, but `capacity` in [sip] needs 600",
        ),
        ("[sip]\ntls = \"127.0.0.1:5061\"\n", "config.toml:2:1: `tls` needs `certificate`"),
        ("[sip]\ncertificate = \"a.pem\"\n", "config.toml:2:1: `certificate` needs `private_key`"),
        ("[sip]\nprivate_key = \"a.key\"\n", "config.toml:2:1: `private_key` needs `certificate`"),
        (
            "[sip]\nprivate_key = \"a.key\"\ncertificate = \"a.pem\"\n",
            "config.toml:3:1: /srv/ringback/a.pem: cannot be read",
        ),
        (
            "[sip]\ntrusted_certificates = \"/nowhere/a.pem\"\n",
            "config.toml:2:1: /nowhere/a.pem: cannot be read",
        ),
    ] {
        let complaint = complaint(text);
        assert!(complaint.starts_with(expected), "{text:?}: {complaint}");
    }
}

#[test]
fn addresses_that_do_not_fit_together_are_named() {
    for (text, expected) in [
        ("[sip]\nudp = []\ntcp = []\n", "config.toml:1:1: `udp`, `tcp` and `tls` are all empty"),
        ("[sip]\nudp = [\"127.0.0.1:5060\", \"x\"]\n", "config.toml:2:"),
        ("[sip]\nudp = \"[::1]:5060\"\n", "config.toml:2:1: calls come in here over a family"),
        ("[rtp]\nbind = [\"127.0.0.1\", \"127.0.0.2\"]\n", "config.toml:2:1: `bind` is one address"),
        ("[http]\norigins = [\"https://a.example/x\"]\n", "config.toml:2:1: an origin has no path"),
        ("[sign_in.oidc]\nissuer = \"https://id.example\"\n", "config.toml:1:1: missing field `client_id`"),
        (
            "[sign_in.oidc]\nissuer = \"http://id.example\"\nclient_id = \"a\"\nclient_secret = \"s\"\n",
            "config.toml:2:1: the provider's address is as in",
        ),
        (
            "[sign_in.oidc]\nissuer = \"https://id.example\"\nclient_id = \"a\"\nclient_secret = \"s\"\n",
            "config.toml:2:1: the provider must find the way back",
        ),
        (
            "[http]\nurl = \"https://a.example\"\n[sign_in.oidc]\nissuer = \"https://id.example\"\nclient_id = \"a\"\n",
            "config.toml:5:1: `client_secret_file` is needed",
        ),
        (
            "[http]\nurl = \"https://a.example\"\n[sign_in.oidc]\nissuer = \"https://id.example\"\n\
             client_id = \"a\"\nclient_secret = \"s\"\nrole_claim = \"groups\"\n",
            "config.toml:7:1: `role_claim` and `roles` go together",
        ),
        (
            "[sign_in.oidc]\nissuer = \"https://id.example\"\nclient_id = \"a\"\nroles = { a = \"mayor\" }\n",
            "config.toml:4:15: unknown variant `mayor`",
        ),
        ("[http]\nurl = \"https://a.example/x\"\n", "config.toml:2:1: our address is an origin"),
        ("[http]\nurl = \"city.example\"\n", "config.toml:2:1: our address is an origin"),
        ("[sip]\ncapacity = 1667\n", "config.toml:2:1: the RTP ports make 5000 pairs"),
    ] {
        let complaint = complaint(text);
        assert!(complaint.starts_with(expected), "{text:?}: {complaint}");
    }
}

#[test]
fn the_environment_overrides_the_file() {
    let text = "[sip]\nrealm = \"file\"\n[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\n";
    let config = parse_with(
        text,
        &[
            ("RINGBACK_SIP__REALM", "0042"),
            ("RINGBACK_SIP__CAPACITY", "7"),
            ("RINGBACK_TRUNK__0__FROM", "[\"127.0.0.1\"]"),
            ("RINGBACK_LOG", "debug"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!((config.sip.realm.as_str(), config.sip.capacity), ("0042", 7));
    assert!(config.trunk[0].from[0].contains("127.0.0.1".parse().unwrap()));
}

#[test]
fn media_fits_the_calls_and_the_address() {
    for text in [
        "[sip]\nudp = \"0.0.0.0:5060\"\n[rtp]\nbind = \"0.0.0.0\"\n",
        "[sip]\nudp = \"192.0.2.1:5060\"\nadvertised = \"203.0.113.10\"\n",
        "[sip]\nudp = \"127.0.0.2:5060\"\n",
        "[sip]\nudp = [\"127.0.0.1:5060\", \"[::1]:5060\"]\n[rtp]\nbind = [\"127.0.0.1\", \"::1\"]\n",
        "[sip]\ntcp = []\n",
        "[sip]\ncapacity = 200\n[rtp]\nports = \"20000-21199\"\n",
        "[sip]\ncapacity = 1666\n",
    ] {
        assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
    }
}

#[test]
fn tls_is_listened_for_beside_tcp_as_soon_as_there_is_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["city.example".to_owned()]).unwrap();
    std::fs::write(folder.path().join("a.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("a.key"), made.signing_key.serialize_pem()).unwrap();
    let listeners = |more: &str| {
        let text = format!("[sip]\ncertificate = \"a.pem\"\nprivate_key = \"a.key\"\n{more}");
        Config::parse("config.toml", &text, std::iter::empty(), folder.path())
            .unwrap()
            .sip
            .listeners()
            .unwrap()
            .tls
    };
    assert_eq!(listeners(""), ["127.0.0.1:5061".parse().unwrap()]);
    assert_eq!(listeners("tcp = \"127.0.0.2:5070\"\n"), ["127.0.0.2:5061".parse().unwrap()]);
    assert_eq!(listeners("tls = \"127.0.0.3:1\"\n"), ["127.0.0.3:1".parse().unwrap()]);
    assert_eq!(listeners("tls = []\n"), []);
    assert_eq!(parse("").unwrap().sip.listeners().unwrap().tls, []);
}

#[test]
fn the_type_of_the_key_decides_what_a_variable_means() {
    let trunk = "[[trunk]]\nname = \"a\"\nuser = \"u\"\n";
    let config = parse_with(
        trunk,
        &[
            ("RINGBACK_TRUNK__0__PASSWORD", "20261234"),
            ("RINGBACK_TRUNK__0__NAME", "true"),
            ("RINGBACK_NUMBER__SHORT", "1590"),
            ("RINGBACK_SIP__REALM", "[1]"),
            ("RINGBACK_SIP__CAPACITY", "9"),
            ("RINGBACK_SIP__DIGEST", "[\"SHA-256\"]"),
        ],
    )
    .unwrap();
    assert_eq!(config.trunk[0].password.as_deref(), Some("20261234"));
    assert_eq!((config.trunk[0].name.as_str(), config.number.short.as_str()), ("true", "1590"));
    assert_eq!((config.sip.realm.as_str(), config.sip.capacity), ("[1]", 9));
    assert_eq!(config.sip.digest.len(), 1);
}

#[test]
fn no_complaint_quotes_the_environment() {
    let trunk = "[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\n";
    for (variable, value) in [
        ("RINGBACK_SIP__CAPACITY", "s3cret"),
        ("RINGBACK_SIP__CAPACITY", "20261234"),
        ("RINGBACK_SIP__CAPACITY", "s3cret, expected s"),
        ("RINGBACK_SIP__UDP", "s3cret"),
        ("RINGBACK_SIP__DIGEST", "[\"s3cret\"]"),
        ("RINGBACK_TRUNK__0__FROM", "[\"s3cret\"]"),
        ("RINGBACK_TRUNK__0__FROM", "s3cret"),
        ("RINGBACK_TRUNK__0__PASSWORD", "[\"s3cret\"]"),
        ("RINGBACK_TRUNK__0__PASSWORD_FILE", "s3cret"),
        ("RINGBACK_SIP__REALM_FILE", "/s3cret"),
        ("RINGBACK_RTP__PORTS", "s3cret"),
        ("RINGBACK_SIP", "s3cret"),
        ("RINGBACK_SIP__UDP__PORT", "s3cret"),
        ("RINGBACK_STORE__OFFICE", "s3cret"),
    ] {
        let Err(complaints) = parse_with(trunk, &[(variable, value)]) else { continue };
        for complaint in complaints {
            let text = complaint.to_string();
            assert!(!text.contains("s3cret") && !text.contains("20261234"), "{variable}={value}: {text}");
        }
    }
    let complaint = parse_with("", &[("RINGBACK_SIP__CAPACITY", "20261234")]).unwrap_err()[0].to_string();
    assert!(complaint.ends_with("the value is outside 1 to 10000"), "{complaint}");
    let complaint = parse_with("", &[("RINGBACK_RTP__PORTS", "9-8")]).unwrap_err()[0].to_string();
    assert!(complaint.contains("the value is no port range"), "{complaint}");
}

#[test]
fn a_wrong_override_is_blamed_on_its_variable() {
    for (variable, value, expected) in [
        ("RINGBACK_SIP__CAPACTY", "7", "did you mean `capacity`"),
        ("RINGBACK_SIP__CAPACITY", "many", "expected i64"),
        ("RINGBACK_TRUNK__3__NAME", "x", "names no place"),
        ("RINGBACK_SIP__REALM_FILE", "/nowhere/secret", "cannot be read"),
    ] {
        let complaint = parse_with("", &[(variable, value)]).unwrap_err()[0].to_string();
        assert!(complaint.contains(variable) && complaint.contains(expected), "{complaint}");
    }
}

#[test]
fn secrets_come_from_files_and_stay_out_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let text = format!("[[trunk]]\nname = \"a\"\nuser = \"u\"\npassword_file = \"{}\"\n", secret.display());
    let config = parse(&text).unwrap();
    assert_eq!(config.trunk[0].secret().unwrap().unwrap(), "s3cret");
    let both = parse_with(
        "[[trunk]]\nname = \"a\"\nuser = \"u\"\npassword = \"\"\n",
        &[("RINGBACK_TRUNK__0__PASSWORD_FILE", &secret.display().to_string())],
    );
    assert!(both.is_err(), "a file and a key exclude each other");
    assert!(
        !format!("{:?}", parse("[[trunk]]\nname=\"a\"\nuser=\"u\"\npassword=\"p4ss\"\n").unwrap())
            .contains("p4ss")
    );
}

#[test]
fn what_only_a_restart_changes_is_known() {
    let (old, new) =
        (parse("").unwrap(), parse("[http]\nbind = \"127.0.0.1:8081\"\n[sip]\ncapacity = 9\n").unwrap());
    assert_eq!(old.needs_restart(&new), ["http.bind"]);
    let text = "[sip]\nudp = \"127.0.0.1:1\"\ntcp = \"127.0.0.1:1\"\nrealm = \"new\"\ndigest = [\"SHA-256\"]\n\
                capacity = 9\ndrain_secs = 1\ndns = \"127.0.0.1:53\"\n[rtp]\nports = \"4000-4999\"\n[http]\nbind = \"127.0.0.1:1\"\n\
                [store]\noffice = \"07\"\n[recording]\ndir = \"elsewhere\"\nmin_free_mib = 5\n\
                enabled = false\nwhen_unable = \"answer_unrecorded\"\n[number]\nshort = \"112\"\n";
    let mut new = parse(text).unwrap();
    assert_eq!(old.needs_restart(&new).len(), 10, "{:?}", old.needs_restart(&new));
    new.keep_until_restart(&old);
    assert_eq!(old.needs_restart(&new), Vec::<&str>::new(), "put back");
    assert_eq!((new.sip.capacity, new.sip.realm.as_str()), (9, "ringback"), "the rest is new");
    assert_eq!((new.sip.drain_secs, new.sip.dns.is_some()), (1, true), "a reload changes them");
    assert_eq!(new.recording.when_unable(), Some(WhenUnable::AnswerUnrecorded));
    assert_eq!(new.recording.floor(), 5 * 1024 * 1024);
}

#[test]
fn what_is_logged_is_checked_as_it_is_read() {
    assert_eq!(parse("").unwrap().log.filter, "info");
    assert_eq!(
        parse("[log]\nfilter = \"warn,ringback::call=debug\"\n").unwrap().log.filter,
        "warn,ringback::call=debug"
    );
    let complaint = complaint("[log]\nfilter = \"info,ringback=loud\"\n");
    assert!(complaint.starts_with("config.toml:2:10: 'info,ringback=loud' says not"), "{complaint}");
}

#[test]
fn what_is_recorded_and_what_happens_otherwise_is_configured() {
    assert_eq!(parse("").unwrap().recording.when_unable(), Some(WhenUnable::Refuse));
    assert_eq!(parse("[recording]\nenabled = false\n").unwrap().recording.when_unable(), None);
    for (text, expected) in [
        ("when_unable = \"answer\"\n", "config.toml:2:15: unknown variant `answer`"),
        ("min_free_mib = -1\n", "config.toml:2:16: -1 is outside 0 to 1048576"),
    ] {
        let complaint = complaint(&format!("[recording]\n{text}"));
        assert!(complaint.starts_with(expected), "{text:?}: {complaint}");
    }
}

#[test]
fn a_trunk_says_how_it_dials_and_what_it_takes() {
    let text = "[[trunk]]\nname = \"a\"\nto = [\"sip:p.example\", \"sip:192.0.2.1:5080;transport=tcp\"]\nregister = true\n\
                user = \"city\"\npassword = \"p4ss\"\nmax_calls = 30\nmax_calls_per_second = 10\n\
                country_code = \"380\"\ncaller = \"0542001580\"\nprobe_secs = 0\n";
    let settings = parse(text).unwrap().trunk[0].settings("ringback", "1580", None).unwrap();
    assert_eq!((settings.limits.calls, settings.limits.calls_per_second), (Some(30), Some(10)));
    assert!(settings.digest.is_none(), "the password is ours towards the provider");
    let outward = settings.outward.clone().unwrap();
    assert_eq!((outward.to.len(), outward.register, outward.probe), (2, Some(600), None));
    assert_eq!(settings.numbering.normalise(&outward.caller.unwrap()).as_str(), "+380542001580");
    assert!(!format!("{settings:?}").contains("p4ss"));
}

#[test]
fn what_a_trunk_takes_is_named_number_by_number() {
    for (text, expected) in [
        ("to = [\"sip:p\"]\ntakes = [\"+38050\", \"*\"]\n", "config.toml:4:1: `takes` lists"),
        ("from = [\"::1\"]\ntakes = [\"+38050\"]\n", "config.toml:4:1: calls go out to"),
    ] {
        let complaint = complaint(&format!("[[trunk]]\nname = \"a\"\n{text}"));
        assert!(complaint.starts_with(expected), "{text:?}: {complaint}");
    }
    let settings = |takes: &str| {
        let text = format!("[[trunk]]\nname = \"a\"\nto = [\"sip:p\"]\ncountry_code = \"380\"\n{takes}");
        parse(&text).unwrap().trunk[0].settings("ringback", "1580", None).unwrap()
    };
    let mobile = crate::phone_number::PhoneNumber::from_user_part("0501234567");
    assert!(settings("takes = [\"+38050\"]\n").takes(&mobile));
    assert!(!settings("").takes(&mobile), "nothing unless named");
}

#[test]
fn calls_from_the_page_need_what_browsers_need() {
    assert_eq!(parse("").unwrap().web_call.settings(), None, "off unless somebody decides otherwise");
    let open = parse("[web_call]\nenabled = true\ncalls = 5\nlongest_call_secs = 60\n").unwrap();
    let settings = open.web_call.settings().unwrap();
    assert_eq!((settings.calls, settings.longest_call.as_secs()), (5, 60));
    assert!(complaint("[sip]\ndigest = [\"SHA-256\"]\n[web_call]\nenabled = true\n").contains("MD5"));
    assert!(complaint("[rtp]\nsrtp = \"off\"\n[web_call]\nenabled = true\n").contains("encrypt"));
    assert!(complaint("[[trunk]]\nname = \"web\"\nfrom = [\"192.0.2.1\"]\n").contains("the web page"));
    assert!(complaint("[web_call]\npass_secs = 1\n").contains("outside 5 to 300"));
}

#[test]
fn messages_are_off_until_a_gateway_is_named_and_then_held_to_what_it_needs() {
    let off = parse("").unwrap();
    assert!(off.sms.way("Europe/Kyiv").unwrap().is_none() && off.email.way().is_none());
    let complaints = |text: &str| {
        let found = parse(text).err().unwrap_or_default();
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let sms = "[sms]\nurl = \"https://gateway.example/send\"\ntakes = [\"+380\"]\nbody = \"to={number}&text={text}\"\n";
    assert_eq!(complaints(sms), "");
    for (change, expected) in [
        ("takes = [\"+380\"]", "takes = []", "`takes` names the beginnings"),
        ("+380", "380", "no beginning of a number"),
        ("{number}", "{nummber}", "did you mean `{number}`"),
        ("{text}", "text", "`{text}` is neither in"),
        ("https://", "gopher://", "an address is as in"),
        ("to={number}", "key={secret}&to={number}", "needs `secret_file`"),
    ]
    .map(|(from, to, expected)| (sms.replace(from, to), expected))
    {
        let said = complaints(&change);
        assert!(said.contains(expected), "{change}: {said}");
    }
    let page = format!("{sms}[citizen]\nurl = \"https://{}.example\"\n", "x".repeat(200));
    assert!(complaints(&page).contains("`segments` allows 3"), "{}", complaints(&page));
    let short = format!("{sms}[sms.report]\nsecret = \"short\"\n");
    assert!(complaints(&short).contains("at least 16 characters"));
    let mail = "[email]\nhost = \"smtp.city.example\"\nfrom = \"City <noreply@city.example>\"\n";
    assert_eq!(complaints(mail), "");
    for (more, expected) in [
        ("tls = \"none\"", "only a server on this machine"),
        ("user = \"a\"", "`user` needs"),
        ("password = \"a\"", "a password needs `user`"),
        ("tsl = \"tls\"", "unknown key `tsl`; known here"),
    ] {
        let said = complaints(&format!("{mail}{more}\n"));
        assert!(said.contains(expected), "{more}: {said}");
    }
}
