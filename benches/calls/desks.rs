//! The operators' desks: each signs in once and says "ready", as often as its telephone has registered anew.
//! The telephones themselves are `phones.rs`.

use serde_json::{Value, json};

use crate::service::{self, PASSWORD};

/// Requests at once.
const AT_ONCE: usize = 4;

pub struct Desks {
    http: String,
    clients: Vec<reqwest::Client>,
}

impl Desks {
    /// Everybody signs in.
    pub async fn sign_in(http: &str, operators: usize) -> Self {
        let client = |_| reqwest::Client::builder().cookie_store(true).build().unwrap();
        let desks = Self { http: http.to_owned(), clients: (0..operators).map(client).collect() };
        let credentials =
            |operator| json!({ "user": service::operator_name(operator), "password": PASSWORD });
        desks.all("session", credentials).await;
        desks
    }

    /// Everybody takes calls from now on.
    pub async fn get_ready(&self) {
        self.all("operators/me/status", |_| json!({ "status": "ready" })).await;
    }

    /// Posts what each has to say.
    async fn all(&self, to: &str, body: impl Fn(usize) -> Value) {
        let address = format!("{}/api/v1/{to}", self.http);
        let mut tasks = Vec::new();
        for first in 0..AT_ONCE {
            let operators = self.clients.iter().enumerate().skip(first).step_by(AT_ONCE);
            let requests: Vec<_> = operators
                .map(|(operator, client)| {
                    client.post(&address).header("X-Ringback", "1").json(&body(operator))
                })
                .collect();
            tasks.push(tokio::spawn(async move {
                for request in requests {
                    let answer = request.send().await.unwrap();
                    assert!(answer.status().is_success(), "{answer:?}");
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}
