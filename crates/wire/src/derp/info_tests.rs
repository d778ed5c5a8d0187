use super::*;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn client(body: &str) -> Result<ClientInfo, InfoError> {
    ClientInfo::from_json(body.as_bytes())
}

fn version(body: &str) -> Result<i64, InfoError> {
    client(body).map(|info| info.version)
}

const fn wrong_type<T>(field: &'static str) -> Result<T, InfoError> {
    Err(InfoError::WrongType { field })
}

const fn mesh_key_length<T>(len: usize) -> Result<T, InfoError> {
    Err(InfoError::MeshKey { cause: KeyError::WrongLength { len } })
}

#[test]
fn bodies_are_written_as_the_reference_writes_them() {
    let json = |info: ClientInfo| String::from_utf8(info.to_json().to_vec()).unwrap();
    assert_eq!(json(ClientInfo::current()), r#"{"version":2,"CanAckPings":true}"#);
    assert_eq!(json(ClientInfo::default()), r#"{"CanAckPings":false}"#);
    let all = ClientInfo {
        mesh_key: MeshKey::parse(KEY).unwrap(),
        version: 2,
        can_ack_pings: true,
        is_prober: true,
        app_name: "ferry".into(),
    };
    let text =
        format!(r#"{{"meshKey":"{KEY}","version":2,"CanAckPings":true,"IsProber":true,"AppName":"ferry"}}"#);
    assert_eq!(json(all.clone()), text);
    assert_eq!(client(&text), Ok(all));
    let json = |info: ServerInfo| String::from_utf8(info.to_json().to_vec()).unwrap();
    assert_eq!(json(ServerInfo::current()), r#"{"version":2}"#);
    let limited = ServerInfo { token_bucket_bytes_per_second: 5, token_bucket_bytes_burst: 6, version: 2 };
    let text = r#"{"version":2,"TokenBucketBytesPerSecond":5,"TokenBucketBytesBurst":6}"#;
    assert_eq!(json(limited), text);
    assert_eq!(ServerInfo::from_json(text.as_bytes()), Ok(limited));
}

#[test]
fn names_match_in_any_case() {
    for body in
        [r#"{"Version":2}"#, r#"{"VERSION":2}"#, r#"{"versıon":1,"vErSiOn":2}"#, r#"{"\u0056ersion":2}"#]
    {
        assert_eq!(version(body), Ok(2), "{body}");
    }
    for name in
        ["meshKey", "MeshKey", "meshkey", "MESHKEY", "me\u{17f}hKey", "mesh\u{212a}ey", "\\u006deshKey"]
    {
        let info = client(&format!(r#"{{"{name}":"{KEY}"}}"#)).unwrap();
        assert_eq!(info.mesh_key, MeshKey::parse(KEY).unwrap(), "{name}");
    }
    let info = client(r#"{"canackpings":true,"ISPROBER":true,"appname":"a"}"#).unwrap();
    assert!(info.can_ack_pings && info.is_prober && info.app_name == "a");
    let info = ServerInfo::from_json(br#"{"tokenbucketbytesburst":7}"#).unwrap();
    assert_eq!(info.token_bucket_bytes_burst, 7);
}

#[test]
fn names_in_snake_case_are_unknown() {
    let body = r#"{"can_ack_pings":true,"is_prober":true,"mesh_key":"none","version":2}"#;
    assert_eq!(client(body), Ok(ClientInfo { version: 2, ..ClientInfo::default() }));
}

#[test]
fn unknown_fields_are_ignored_whatever_they_hold() {
    for value in
        ["1e999", "-0.0", "null", "[]", r#"{"version":[]}"#, r#""\ud800""#, "[[[{}]]]", "true", "\"\""]
    {
        assert_eq!(version(&format!(r#"{{"x":{value},"version":2}}"#)), Ok(2), "{value}");
    }
    assert_eq!(version(r#"{"":1,"\ud800":2,"version":2}"#), Ok(2));
}

#[test]
fn absent_and_null_fields_stay_as_they_are() {
    assert_eq!(client("{}"), Ok(ClientInfo::default()));
    assert_eq!(client(" \t\r\n null \n"), Ok(ClientInfo::default()));
    let nulls = r#"{"version":null,"CanAckPings":null,"IsProber":null,"AppName":null}"#;
    assert_eq!(client(nulls), Ok(ClientInfo::default()));
    let after =
        r#"{"version":2,"version":null,"AppName":"a","appname":null,"CanAckPings":true,"CanAckPings":null}"#;
    let kept = ClientInfo { version: 2, can_ack_pings: true, app_name: "a".into(), ..ClientInfo::default() };
    assert_eq!(client(after), Ok(kept));
}

#[test]
fn of_repeated_fields_the_last_counts_and_each_is_checked() {
    assert_eq!(version(r#"{"version":1,"Version":2,"version":3}"#), Ok(3));
    assert_eq!(version(r#"{"version":2,"version":"3"}"#), wrong_type("version"));
    assert_eq!(version(r#"{"version":"3","version":2}"#), wrong_type("version"));
    let zeros = "0".repeat(64);
    let body = format!(r#"{{"meshKey":"{KEY}","meshKey":"{zeros}"}}"#);
    assert_eq!(client(&body).unwrap().mesh_key, None);
}

#[test]
fn version_is_an_integer_of_64_bits_and_nothing_else() {
    for (number, value) in [
        ("0", 0),
        ("-0", 0),
        ("-7", -7),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(version(&format!(r#"{{"version":{number}}}"#)), Ok(value));
    }
    for value in
        ["\"2\"", "2.0", "2e0", "-0.0", "9223372036854775808", "-9223372036854775809", "true", "[2]", "{}"]
    {
        assert_eq!(version(&format!(r#"{{"version":{value}}}"#)), wrong_type("version"), "{value}");
    }
    for text in ["+2", "02", ".5", "2.", "0x2", "NaN", "2 3", "-"] {
        assert_eq!(version(&format!(r#"{{"version":{text}}}"#)), Err(InfoError::NotJson), "{text}");
    }
}

#[test]
fn booleans_and_strings_are_not_guessed() {
    for value in ["1", "\"true\"", "[]", "{}"] {
        assert_eq!(client(&format!(r#"{{"CanAckPings":{value}}}"#)), wrong_type("CanAckPings"));
        assert_eq!(client(&format!(r#"{{"IsProber":{value}}}"#)), wrong_type("IsProber"));
    }
    for value in ["1", "true", "[65]", "{}"] {
        assert_eq!(client(&format!(r#"{{"AppName":{value}}}"#)), wrong_type("AppName"));
    }
}

#[test]
fn mesh_key_is_64_hex_digits_in_a_string() {
    let mesh_key = |value: &str| client(&format!(r#"{{"meshKey":{value}}}"#)).map(|info| info.mesh_key);
    let key = MeshKey::parse(KEY).unwrap();
    assert_eq!(mesh_key(&format!("\"{KEY}\"")), Ok(key.clone()));
    assert_eq!(mesh_key(&format!("\"{}\"", KEY.to_uppercase())), Ok(key.clone()));
    assert_eq!(mesh_key(&format!("\"\\u0030{}\"", KEY.split_at(1).1)), Ok(key));
    assert_eq!(mesh_key(&format!("\"{}\"", "0".repeat(64))), Ok(None), "zeros: an ordinary client");
    assert_eq!(mesh_key("\"\""), mesh_key_length(0));
    assert_eq!(mesh_key(&format!("\" {KEY}\"")), mesh_key_length(65), "white space counts here");
    assert_eq!(mesh_key(&format!("\"{KEY}0\"")), mesh_key_length(65));
    assert_eq!(mesh_key(&format!("\"{}\"", KEY.split_at(63).0)), mesh_key_length(63));
    assert_eq!(mesh_key(&format!("\"{KEY}{KEY}\"")), mesh_key_length(128));
    assert_eq!(mesh_key(&format!("\"{}\"", "g".repeat(64))), {
        Err(InfoError::MeshKey { cause: KeyError::NotHex })
    });
    for value in ["null", "1", "[]", "{}", "true"] {
        assert_eq!(mesh_key(value), wrong_type("meshKey"), "{value}");
    }
}

#[test]
fn nothing_but_white_space_may_follow() {
    assert_eq!(version("{\"version\":2} \t\r\n"), Ok(2));
    for tail in ["x", "{}", "null", ",", "}", "\0", "\u{feff}", "\u{a0}"] {
        assert_eq!(version(&format!(r#"{{"version":2}}{tail}"#)), Err(InfoError::NotJson), "{tail:?}");
    }
    assert_eq!(version("\u{feff}{}"), Err(InfoError::NotJson), "byte order mark");
}

#[test]
fn other_values_are_no_objects() {
    for body in ["[]", "[[]]", "2", "true", "\"\"", "\"version\"", "[{\"version\":2}]"] {
        assert_eq!(version(body), Err(InfoError::NotAnObject), "{body}");
    }
    for body in
        ["", " ", "{", "}", "nul", "{\"version\"}", "{version:2}", "{'version':2}", "{\"version\":2,}"]
    {
        assert_eq!(version(body), Err(InfoError::NotJson), "{body}");
    }
}

#[test]
fn strings_need_not_be_utf_8() {
    let info =
        ClientInfo::from_json(b"{\"AppName\":\"a\xff\",\"\xff\":1,\"x\":\"\xc3\",\"version\":2}").unwrap();
    assert_eq!((info.app_name.as_str(), info.version), ("a\u{fffd}", 2));
    assert_eq!(ClientInfo::from_json(b"{\"version\":2}\xff"), Err(InfoError::NotJson));
    assert_eq!(ClientInfo::from_json(b"{\"version\":\xff}"), Err(InfoError::NotJson));
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    let app_name = |value: &str| client(&format!(r#"{{"AppName":"{value}"}}"#)).map(|info| info.app_name);
    assert_eq!(app_name(r"\ud83d\udd11"), Ok("\u{1f511}".into()));
    for half in [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\u0041"] {
        assert!(app_name(half).unwrap().starts_with('\u{fffd}'), "{half}");
    }
    assert_eq!(app_name("\\ud80"), Err(InfoError::NotJson));
    assert_eq!(app_name("\n"), Err(InfoError::NotJson), "raw control character");
}

#[test]
fn control_characters_in_names_are_no_json() {
    // Found by comparing with the reference: read as bytes, names were not looked at.
    for name in ["versi\ton", "x\0", "\n", "x\\\n"] {
        assert_eq!(version(&format!("{{\"{name}\":1}}")), Err(InfoError::NotJson), "{name:?}");
    }
    assert_eq!(version(r#"{"versi\ton":1,"version":2}"#), Ok(2), "escaped");
}

#[test]
fn nesting_is_bounded_as_in_the_reference() {
    let nested = |depth: usize| {
        // The object around is one level.
        let inner = depth.saturating_sub(1);
        version(&format!(r#"{{"x":{}{},"version":2}}"#, "[".repeat(inner), "]".repeat(inner)))
    };
    assert_eq!(nested(10_000), Ok(2));
    assert_eq!(nested(10_001), Err(InfoError::TooDeep));
    let in_string = format!(r#"{{"x":"\"{}","version":2}}"#, "[".repeat(20_000));
    assert_eq!(version(&in_string), Ok(2), "brackets in strings do not count");
    assert_eq!(version(&"[".repeat(200_000)), Err(InfoError::TooDeep));
}

#[test]
fn truncated_body_is_an_error_at_every_byte() {
    let body = format!(
        r#"{{"meshKey":"{KEY}","version":2,"CanAckPings":true,"x":[1,{{}}],"IsProber":true,"AppName":"a"}}"#
    );
    client(&body).unwrap();
    for end in 0..body.len() {
        assert_eq!(client(body.split_at(end).0), Err(InfoError::NotJson), "cut to {end}");
    }
}

#[test]
fn errors_do_not_quote_the_mesh_key() {
    let text = format!("{:?}", client(&format!(r#"{{"meshKey":"{}"}}"#, KEY.split_at(62).0)));
    assert!(!text.contains("0011"), "{text}");
    let text = format!("{:?}", client(&format!(r#"{{"meshKey":"{KEY}"}}"#)));
    assert!(text.contains("***") && !text.contains("0011"), "{text}");
}
