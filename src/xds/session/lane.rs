//! One type on one stream.

use std::sync::Arc;
use std::time::Instant;

use foldhash::HashMap;

use super::batch::Wanted;
use super::flight::{Flight, Item, Sequence};
use super::ledger::Ledger;
use super::subscription::Subscription;
use super::view::View;
use crate::envoy::{ResourceType, Version};
use crate::xds::wire::Response;

/// What a stream knows about one type.
#[derive(Debug)]
pub(super) struct Lane {
    /// What the client wants.
    pub(super) subscription: Subscription,
    /// What it has.
    pub(super) ledger: Ledger,
    /// When it first asked.
    pub(super) opened_at: Instant,
    /// What the client said it has from an earlier stream, when it first asked.
    pub(super) claim: Claim,
    /// Whether a response is due even if it holds nothing.
    pub(super) owes_answer: bool,
    /// Whether a response was sent.
    pub(super) answered: bool,
    /// The nonce of the last response.
    pub(super) last_nonce: Option<String>,
    /// What it is told first, kept for others that connect until there is something else to tell, or it wants
    /// less.
    pub(super) first: Vec<Arc<Wanted>>,
    /// Why the names that the client refused were refused.
    pub(super) complaints: HashMap<Arc<str>, Complaint>,
}

/// A resource that a client refused.
#[derive(Debug, Clone)]
pub(super) struct Complaint {
    /// The client's words.
    pub(super) text: Arc<str>,
    /// What it refused; `None` for its removal.
    pub(super) version: Option<Version>,
    /// When.
    pub(super) at: Instant,
}

/// What a client said it has from an earlier stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing.
    Nothing,
    /// Something; the version of all of it, if that was said and is one of ours.
    Earlier(Option<Version>),
}

impl Claim {
    /// The claim in a request's `version_info`.
    pub(super) fn of(version_info: &str) -> Self {
        if version_info.is_empty() {
            Self::Nothing
        } else {
            Self::Earlier(Version::parse(version_info))
        }
    }
}

impl Lane {
    /// A type that the client asks for now.
    pub(super) fn new(claim: Claim, now: Instant) -> Self {
        Self {
            subscription: Subscription::default(),
            ledger: Ledger::default(),
            opened_at: now,
            claim,
            owes_answer: false,
            answered: false,
            last_nonce: None,
            first: Vec::new(),
            complaints: HashMap::default(),
        }
    }

    /// The client refused what it was sent under a name.
    pub(super) fn complain(
        &mut self,
        name: &Arc<str>,
        version: Option<Version>,
        text: &Arc<str>,
        at: Instant,
    ) {
        let text = text.clone();
        let complaint = Complaint { text, version, at };
        self.complaints.insert(name.clone(), complaint);
    }

    /// Forgets the complaints about what is mended.
    pub(super) fn forget_mended(&mut self) {
        let ledger = &self.ledger;
        self.complaints.retain(|name, _| ledger.keeps_back(name));
    }

    /// A response was sent.
    pub(super) fn depart(
        &mut self,
        response: &Response,
        bytes: usize,
        items: Arc<[Item]>,
        sequence: Sequence,
        now: Instant,
    ) {
        let resumes = !self.answered && self.claim != Claim::Nothing;
        self.owes_answer = false;
        self.answered = true;
        self.last_nonce = Some(response.nonce.clone());
        self.ledger.depart(Flight {
            sequence,
            nonce: response.nonce.clone(),
            version: response.version,
            sent_at: now,
            bytes,
            items,
            resumes,
        });
    }

    /// Whether there is nothing to look at.
    pub(super) fn is_quiet(&self) -> bool {
        !self.owes_answer && self.ledger.is_settled()
    }

    /// Spares a client that reconnects what it says it has. Versions are made of content, so an equal
    /// one means that the client has all of a type that is always sent whole.
    pub(super) fn recall(&mut self, kind: ResourceType, view: &View) {
        let whole = kind.is_full_state() && self.subscription.is_wildcard();
        let unnamed = self.subscription.names().next().is_none();
        if whole
            && unnamed
            && !self.answered
            && self.claim == Claim::Earlier(Some(view.version(kind)))
        {
            self.ledger.clear_pending();
            self.owes_answer = false;
            self.answered = true;
        }
    }
}
