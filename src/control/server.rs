//! The service itself: what [`inspect`](crate::inspect) knows, in messages.

use std::time::SystemTime;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tonic::{Request, Response, Status};

use super::v1::control_server::{Control, ControlServer};
use super::{convert, v1};
use crate::inspect::explain::{BadQuestion, Question, caveats, explain, related};
use crate::inspect::{Follower, State, Step};
use crate::model::{ExposeId, ObjectKind, ObjectPath};

/// The largest message: the status of a hundred thousand exposes.
pub const MAX_MESSAGE: usize = 64 << 20;

/// How many changes a message tells of.
const CHANGES: usize = 20;

/// The control service over what is known of a gateway.
#[derive(Debug, Clone)]
pub struct Gateway(State);

/// The service, to be added to a server.
pub fn service(state: State) -> ControlServer<Gateway> {
    ControlServer::new(Gateway(state)).max_encoding_message_size(MAX_MESSAGE)
}

#[tonic::async_trait]
impl Control for Gateway {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::Status>, Status> {
        let status = convert::status(&self.0, &request.get_ref().service);
        Ok(Response::new(status))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::Explanation>, Status> {
        let question = question(request.get_ref());
        let question = question.map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        let board = self.0.board();
        let answer = explain(&board.catalog, &question);
        let owner = answer.expose.as_deref().and_then(|name| board.find(name));
        let findings = related(&board.view, &question, &answer);
        let caveats = caveats(&self.0, &board, &question, &answer);
        Ok(Response::new(v1::Explanation {
            owner: owner.map(|(_, summary)| convert::expose(summary)),
            related: findings
                .map(|(service, f)| convert::finding(service, f))
                .collect(),
            caveats: caveats.into_iter().map(convert::caveat).collect(),
            ..convert::explanation(&answer)
        }))
    }

    type WatchStream = BoxStream<'static, Result<v1::News, Status>>;

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let follower = self.follower()?;
        let news = unfold(follower, move |mut follower| {
            let service = service.clone();
            async move {
                let step = follower.next().await?;
                let news = news(follower.state(), step, &service);
                Some((Ok(news), follower))
            }
        });
        Ok(Response::new(news.boxed()))
    }

    type WatchServiceStream = BoxStream<'static, Result<v1::ServiceProgress, Status>>;

    async fn watch_service(
        &self,
        request: Request<v1::WatchServiceRequest>,
    ) -> Result<Response<Self::WatchServiceStream>, Status> {
        let asked = &request.get_ref().service;
        let service: Result<ObjectPath, _> = asked.parse();
        let service = service.map_err(|error| Status::invalid_argument(error.to_string()))?;
        if service.kind() != ObjectKind::Svc {
            let why = format!("{service} is not a service; only services expose anything");
            return Err(Status::invalid_argument(why));
        }
        let follower = self.follower()?;
        let told: Option<v1::ServiceProgress> = None;
        let all = unfold(
            (follower, told, service),
            async |(mut follower, told, service)| {
                loop {
                    let step = follower.next().await?;
                    let now = convert::progress(&step.board, &service);
                    if told.as_ref() != Some(&now) {
                        return Some((Ok(now.clone()), (follower, Some(now), service)));
                    }
                }
            },
        );
        Ok(Response::new(all.boxed()))
    }
}

impl Gateway {
    fn follower(&self) -> Result<Follower, Status> {
        let follower = Follower::new(self.0.clone());
        follower.ok_or_else(|| Status::resource_exhausted("too many clients follow already"))
    }
}

fn question(asked: &v1::ExplainRequest) -> Result<Question, BadQuestion> {
    let mut question = Question::new(&asked.url)?;
    for line in &asked.headers {
        question = question.header(line)?;
    }
    if let Some(name) = &asked.server_name {
        question = question.server_name(name);
    }
    match asked.address.as_str() {
        "" => Ok(question),
        address => question.address(address),
    }
}

fn news(state: &State, step: Step, service: &str) -> v1::News {
    let exposes = step.exposes.iter();
    let exposes = exposes.filter(|summary| service.is_empty() || summary.service == service);
    let gone = step.gone.into_iter().filter(|id| {
        let is_its = |id: ExposeId| id.service.to_string() == service;
        service.is_empty() || id.parse().is_ok_and(is_its)
    });
    v1::News {
        whole: step.whole,
        exposes: exposes.map(|summary| convert::expose(summary)).collect(),
        gone: gone.collect(),
        daemon: Some(convert::daemon(&state.connection(), SystemTime::now())),
        envoys: convert::envoys(&step.board),
        changes: convert::changes(&step.board, CHANGES),
    }
}
