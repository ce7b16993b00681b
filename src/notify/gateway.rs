//! An SMS gateway that is asked by HTTP: which URL, headers and body, and how its answer is read, is configuration, for every
//! provider has its own. The id of a message goes with it, so that a gateway that knows such ids sends it once.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, redirect};

use super::template::{Escape, fill};
use super::{Report, Secret, SendError};
use crate::notification::Failure;
use crate::store::{Claimed, MAX_GATEWAY_ID_CHARS};

/// More of an answer is not read: they are a line or two.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// What is told of an answer that was not as it should be.
const MAX_QUOTED_CHARS: usize = 120;

/// How the gateway is asked.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(HeaderName, String)>,
    pub body: String,
    pub secret: Secret,
    /// The answer must contain it; an empty one every answer contains.
    pub success: String,
    /// JSON pointer (RFC 6901) to the gateway's own id of the message in its answer.
    pub message_id: Option<String>,
    pub reports: Option<Reports>,
}

/// How its reports are read.
#[derive(Clone, Debug)]
pub struct Reports {
    pub secret: Secret,
    /// Names of the fields with our id or the gateway's, and with the state.
    pub id: String,
    pub status: String,
    /// States, compared without regard to case.
    pub delivered: Vec<String>,
    pub failed: Vec<String>,
}

impl Reports {
    pub fn read(&self, status: &str) -> Report {
        let is_one_of = |words: &[String]| words.iter().any(|word| word.eq_ignore_ascii_case(status));
        match () {
            () if is_one_of(&self.delivered) => Report::Delivered,
            () if is_one_of(&self.failed) => Report::Failed(Failure::Undelivered),
            () => Report::Neither,
        }
    }
}

/// Connections are kept between messages. Redirects are not followed: what we send is for the host that was configured.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    let client = Client::builder().redirect(redirect::Policy::none()).user_agent("Ringback");
    client.build().map_err(|error| error.to_string())
});

impl Gateway {
    /// Sends one message; the id the gateway gave it, where it tells.
    pub(super) async fn send(
        &self,
        message: &Claimed,
        timeout: Duration,
    ) -> Result<Option<String>, SendError> {
        let client = CLIENT.as_ref().map_err(|error| SendError::Gateway(error.clone()))?;
        let value = |name: &str| match name {
            "number" => message.recipient.clone(),
            "text" => message.text.clone(),
            "id" => message.id.to_string(),
            _ => self.secret.0.clone(),
        };
        let url = fill(&self.url, Escape::Percent, value);
        let mut request = client.request(self.method.clone(), url).timeout(timeout);
        let mut body_kind = Escape::Plain;
        for (name, template) in &self.headers {
            let filled = fill(template, Escape::Plain, value);
            if *name == CONTENT_TYPE {
                body_kind = Escape::of_body(&filled);
            }
            let mut header = HeaderValue::from_str(&filled)
                .map_err(|_| SendError::Gateway(format!("header {name} cannot be sent")))?;
            header.set_sensitive(true);
            request = request.header(name, header);
        }
        if !self.body.is_empty() {
            request = request.body(fill(&self.body, body_kind, value));
        }
        let answer = request.send().await.map_err(|error| SendError::Gateway(told(error)))?;
        let status = answer.status();
        let text = read(answer).await?;
        self.judge(status, &text)
    }

    fn judge(&self, status: StatusCode, text: &str) -> Result<Option<String>, SendError> {
        // No number of the recipient is repeated from what a gateway says about it.
        let said = || format!("the gateway answers {status}: {}", quoted(text));
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN || status.is_server_error() {
            return Err(SendError::Gateway(said()));
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT {
            return Err(SendError::Later(said()));
        }
        if !status.is_success() || !text.contains(&self.success) {
            return Err(SendError::Refused(said()));
        }
        let Some(pointer) = &self.message_id else { return Ok(None) };
        let answer: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let id = answer.pointer(pointer).map(|id| match id {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        Ok(id.filter(|id| id.chars().count() <= MAX_GATEWAY_ID_CHARS))
    }
}

/// At most [`MAX_ANSWER_BYTES`] of it, whatever else comes.
async fn read(mut answer: reqwest::Response) -> Result<String, SendError> {
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| SendError::Gateway(told(error)))? {
        bytes.extend_from_slice(&part);
        if bytes.len() >= MAX_ANSWER_BYTES {
            bytes.truncate(MAX_ANSWER_BYTES);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Why, without the URL: a secret may stand in it, and the number does.
fn told(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "the gateway did not answer in time".to_owned();
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("the gateway was not reached: {cause}")
}

/// The beginning of what it said, long runs of digits masked.
fn quoted(text: &str) -> String {
    let plain: String =
        text.chars().take(MAX_QUOTED_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut quoted = String::new();
    for word in plain.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 4 {
            quoted.push_str("***");
            quoted.push_str(&word[digits..]);
        } else {
            quoted.push_str(word);
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> Gateway {
        Gateway {
            method: Method::POST,
            url: "http://127.0.0.1:1/".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            secret: Secret::default(),
            success: "\"ok\"".to_owned(),
            message_id: Some("/messages/0/id".to_owned()),
            reports: None,
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let judge =
            |status: u16, text: &str| gateway().judge(StatusCode::from_u16(status).unwrap_or_default(), text);
        assert_eq!(judge(200, r#"{"ok": "ok", "messages": [{"id": 17}]}"#), Ok(Some("17".to_owned())));
        assert_eq!(judge(202, r#"["ok"]"#), Ok(None));
        assert!(matches!(judge(200, "no credit"), Err(SendError::Refused(_))));
        assert!(matches!(judge(400, "bad number"), Err(SendError::Refused(_))));
        assert!(matches!(judge(429, ""), Err(SendError::Later(_))));
        for ours in [401, 403, 500, 503] {
            assert!(matches!(judge(ours, ""), Err(SendError::Gateway(_))), "{ours}");
        }
        let told = judge(400, "no such number 380501112233, code 17").map_err(|error| error.to_string());
        assert_eq!(told, Err("the gateway answers 400 Bad Request: no such number ***, code 17".to_owned()));
    }

    #[test]
    fn reports_are_read_by_the_words_that_were_configured() {
        let reports = Reports {
            secret: Secret("s".to_owned()),
            id: "id".to_owned(),
            status: "status".to_owned(),
            delivered: vec!["DELIVRD".to_owned()],
            failed: vec!["UNDELIV".to_owned()],
        };
        assert_eq!(reports.read("delivrd"), Report::Delivered);
        assert_eq!(reports.read("UNDELIV"), Report::Failed(Failure::Undelivered));
        assert_eq!(reports.read("ENROUTE"), Report::Neither);
        assert!(reports.secret.is("s") && !reports.secret.is("t") && !reports.secret.is(""));
    }
}
