//! What decides whether a request arrives, beside its way through what Envoy was sent: whether there is
//! an Envoy that took it, whether clients will believe the certificate, how old everything is.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use utoipa::ToSchema;

use super::{Explanation, Outcome, Question, Stage, matching};
use crate::daemon::Link;
use crate::inspect::board::{Board, Standing};
use crate::inspect::catalog::{Chain, SecretKind, owner};
use crate::inspect::{Moment, State};
use crate::model::{ObjectKind, ObjectPath};

/// How long an Envoy may owe an answer before it is told of.
const PROMPT: Duration = Duration::from_secs(1);

/// Something that the way of a request does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Caveat {
    /// What it is, and what to do.
    pub text: String,
    /// Whether the request fails for it, wherever its way leads.
    pub fatal: bool,
}

impl Caveat {
    fn fatal(text: String) -> Self {
        Self { text, fatal: true }
    }

    fn doubt(text: String) -> Self {
        Self { text, fatal: false }
    }
}

/// What there is to say of an answer that [`explain`](super::explain) gave, the worst first.
pub fn caveats(
    state: &State,
    board: &Board,
    question: &Question,
    explanation: &Explanation,
) -> Vec<Caveat> {
    let now = SystemTime::now();
    let mut all = envoys(board, explanation);
    if explanation.outcome == Outcome::NotListening {
        all.extend(left_behind(board));
        let gateway = &state.sources().gateway;
        all.push(Caveat::doubt(format!(
            "A service listens there once an ip names its expose in `expose`, and the expose's `gateway` is \
             {gateway} or absent."
        )));
    }
    if let Some(chain) = chain(board, explanation) {
        all.extend(certificates(board, chain, question, now.into()));
    }
    if let Link::Waiting { since, error } = state.connection().link {
        let since = Moment::from(since).to_the_second();
        all.push(Caveat::doubt(format!(
            "The OpenSVC daemon is not followed since {since}, so instances may have moved: {error}."
        )));
    }
    all.sort_by_key(|caveat| !caveat.fatal);
    all
}

/// How many exposes are named.
const SHOWN: usize = 8;

/// Whether Envoys have what the answer is made of.
fn envoys(board: &Board, explanation: &Explanation) -> Vec<Caveat> {
    let Some(report) = board.telemetry.as_ref().filter(|r| !r.envoys.is_empty()) else {
        let text = "No Envoy is connected: one that runs goes on with what it had, and a new one gets nothing.";
        return vec![Caveat::fatal(text.into())];
    };
    let reached = explanation
        .expose
        .as_deref()
        .and_then(|name| board.find(name));
    let refused = reached.filter(|(_, summary)| summary.standing == Standing::RefusedByEnvoy);
    let mut all = Vec::new();
    if let Some((_, summary)) = refused {
        let problem = summary.problem.as_deref().unwrap_or_default();
        let text = format!(
            "{problem}. Until it accepts this, it serves what it had before, if it had anything."
        );
        let is_accepted = report.envoys.iter().any(|envoy| {
            summary
                .refused_by
                .iter()
                .all(|node| **node != *envoy.stream.node)
        });
        all.push(Caveat {
            text,
            fatal: !is_accepted,
        });
    }
    for envoy in &report.envoys {
        let lag = report.lag(envoy);
        if lag > PROMPT {
            all.push(Caveat::doubt(format!(
                "Envoy {} has owed an answer for {:.0} s: it may have what was before.",
                envoy.stream.node,
                lag.as_secs_f64()
            )));
        }
    }
    all
}

/// An expose that Envoy does not let move is served where it was, and that may be anywhere.
fn left_behind(board: &Board) -> Option<Caveat> {
    let refused = board.exposes.iter();
    let refused = refused.filter(|(_, summary)| summary.standing == Standing::RefusedByEnvoy);
    let refused: Vec<String> = refused.map(|(id, _)| id.to_string()).take(SHOWN).collect();
    (!refused.is_empty()).then(|| {
        Caveat::doubt(format!(
            "An Envoy refuses what is asked for by {}: what it had of it before may still listen there.",
            refused.join(", ")
        ))
    })
}

/// The chain that the request goes through.
fn chain<'b>(board: &'b Board, explanation: &Explanation) -> Option<&'b Chain> {
    let name = |stage| {
        let mut steps = explanation.steps.iter();
        steps.find(|step| step.stage == stage)?.name.as_deref()
    };
    let listener = board.catalog.listeners.get(name(Stage::Listener)?)?;
    let wanted = name(Stage::Chain)?;
    listener.chains.iter().find(|chain| chain.name == wanted)
}

/// Whether clients will believe one of the certificates of a chain, and which they must show.
fn certificates(board: &Board, chain: &Chain, question: &Question, now: Moment) -> Vec<Caveat> {
    let Some(termination) = &chain.termination else {
        return Vec::new();
    };
    let asked = question.server_name.as_deref().unwrap_or(&question.host);
    let mut all = Vec::new();
    let wrong = termination
        .certificates
        .iter()
        .map(|name| doubted(board, name, asked, now));
    // Envoy has one for each kind of key, and clients choose; one that is well may be the one.
    if let Some(wrong) = wrong
        .collect::<Option<Vec<_>>>()
        .and_then(|all| all.into_iter().next())
    {
        all.push(Caveat::fatal(wrong));
    }
    if let Some(judge) = &termination.clients_judged_by {
        let must = match termination.client_certificate_required {
            true => "must",
            false => "may",
        };
        all.push(Caveat::doubt(format!(
            "The client {must} show a certificate that {} vouches for.",
            owner(judge)
        )));
    }
    all
}

/// Why clients do not believe a certificate; `None` where they do, as far as can be told.
fn doubted(board: &Board, name: &str, asked: &str, now: Moment) -> Option<String> {
    let shown = owner(name);
    let Some(secret) = board.catalog.secrets.get(name) else {
        return Some(format!(
            "The certificate {shown} is not known to the gateway now: connections are closed, unless Envoy has it already."
        ));
    };
    if secret.kind != SecretKind::Identity {
        return None;
    }
    let refused = "clients that check it refuse the connection";
    if let Some(end) = secret.certificate.not_after.filter(|end| *end < now) {
        let renew = match shown
            .parse::<ObjectPath>()
            .is_ok_and(|path| path.kind() == ObjectKind::Sec)
        {
            true => format!("Renew the keys certificate_chain and private_key of {shown}."),
            false => "Renew it.".to_owned(),
        };
        return Some(format!(
            "The certificate in {shown} expired on {}: {refused}. {renew}",
            end.to_the_second()
        ));
    }
    let leaf = secret.certificate.leaf.as_ref()?;
    if leaf.not_before > now {
        return Some(format!(
            "The certificate in {shown} is valid from {} on: {refused}, until then.",
            leaf.not_before.to_the_second()
        ));
    }
    let fits = |name: &String| {
        let name = name.to_lowercase();
        // A wildcard stands for one label (RFC 9525 §6.3).
        match name.strip_prefix("*.") {
            Some(suffix) => asked
                .split_once('.')
                .is_some_and(|(_, rest)| rest == suffix),
            None => matching::server_name(&name, asked).is_some(),
        }
    };
    if leaf.names.is_empty() || leaf.names.iter().any(fits) {
        return None;
    }
    let names = leaf.names.join(", ");
    Some(format!(
        "The certificate in {shown} is for {names} and not for {asked}: {refused}."
    ))
}
