//! What the property found, and is to find no more.

use super::*;

/// Steps in words: `toggle:2` lets service 2 come or go, `spoil:2` and `renew:2` change its cluster,
/// `listen:2>4` and `host:2>0` what leads to it; `spoil-routes:1` makes a route configuration bad.
fn steps_of(script: &str) -> Vec<Step> {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let step = |word: &str| {
        let (verb, object) = word.split_once(':').unwrap_or((word, ""));
        let (service, to) = object.split_once('>').unwrap_or((object, ""));
        let what = match verb {
            "hear" => return Step::Hear,
            "say" => return Step::Say,
            "read" => return Step::Read,
            "reconnect" => return Step::Reconnect,
            "toggle" => What::Presence,
            "spoil" => What::Cluster { bad: true },
            "renew" => What::Cluster { bad: false },
            "listen" => What::Listener(Some(number(to))),
            "host" => What::Host(Some(number(to))),
            "spoil-routes" => What::BadRoutes(number(object), true),
            _ => panic!("{word}"),
        };
        let service = number(service);
        Step::Change { service, what }
    };
    script.split_whitespace().map(step).collect()
}

/// Another cluster is removed by a response that is refused and, before that is known, by the next,
/// which is not.
#[test]
fn what_two_responses_remove_is_gone_when_one_of_them_is_refused() {
    let script = "toggle:2 toggle:1 hear hear say read hear hear hear say read renew:1 host:1>0 hear \
                  say say spoil:2 say toggle:1 read hear read hear read hear say hear say toggle:1 read \
                  hear hear hear";
    run(Variant::StateOfTheWorld, Manner::Whole, &steps_of(script));
}

/// A cluster is refused after its removal was sent.
#[test]
fn what_was_refused_is_not_taken_to_be_there_after_its_removal() {
    let script = "toggle:4 hear say spoil:4 say toggle:4 say read toggle:4 read hear hear read hear hear \
                  hear listen:2>4 hear toggle:2 toggle:0 say";
    run(Variant::StateOfTheWorld, Manner::Each, &steps_of(script));
}

/// A client that reconnected refuses a response because of what it had refused before.
#[test]
fn what_is_sent_with_a_refused_cluster_is_not_blamed_for_it() {
    let script = "spoil:2 toggle:2 hear hear renew:0 read say read hear say read reconnect hear say hear \
                  read hear toggle:0 say toggle:2";
    run(Variant::StateOfTheWorld, Manner::Whole, &steps_of(script));
}

/// A cluster is removed before its endpoints were sent, and the response that does so is refused.
#[test]
fn what_stays_as_its_removal_was_refused_waits_for_its_endpoints_still() {
    let script = "listen:2>3 toggle:2 hear say read hear hear hear say read toggle:3 say spoil:2 hear read \
                  hear toggle:3 say say toggle:3 hear read hear say";
    run(Variant::StateOfTheWorld, Manner::Whole, &steps_of(script));
}

/// A client has a part of what it refused, and says when it reconnects that it has the current version: it is
/// put right by the next response.
#[test]
fn what_a_client_does_not_tell_when_it_reconnects_is_put_right_by_the_next_response() {
    let script = "spoil:3 toggle:3 hear hear say read hear say read reconnect toggle:2 toggle:0 hear \
                  toggle:0 say toggle:3 toggle:2 read reconnect";
    run(Variant::StateOfTheWorld, Manner::Each, &steps_of(script));
}

/// A cluster is removed that came with a refused response, and may be there; and that response is refused, too.
#[test]
fn what_may_be_there_is_removed_again_when_its_removal_was_refused() {
    let script = "toggle:1 toggle:0 hear toggle:0 spoil:1 toggle:0 say toggle:0 spoil:1";
    run(Variant::Delta, Manner::UpTo, &steps_of(script));
}

/// A client stops to want routes and wants them again, while two responses with them are under way, of which it
/// refuses the second.
#[test]
fn what_is_wanted_again_before_it_came_is_there() {
    let script = "toggle:3 toggle:3 toggle:3 host:2>1 toggle:0 hear toggle:0 toggle:0 toggle:2 hear hear say read \
                  hear hear say say toggle:0 toggle:1 read hear read hear hear say say toggle:2 say host:1>1 \
                  read read read hear hear hear hear say toggle:2 say say spoil-routes:1 say toggle:0 toggle:0 \
                  toggle:0 toggle:0 toggle:1";
    run(Variant::StateOfTheWorld, Manner::Each, &steps_of(script));
}

/// A client lost a cluster by a response that it refused, and says when it reconnects that it has the version with
/// that cluster, which is the current one again: it is put right by the next response.
#[test]
fn what_a_client_lost_by_a_refused_response_and_does_not_tell_comes_with_the_next() {
    let script = "toggle:4 spoil:2 hear hear toggle:0 toggle:3 read toggle:0 say toggle:2 read toggle:3 renew:0 \
                  hear say toggle:3 toggle:2 read reconnect";
    run(Variant::StateOfTheWorld, Manner::Each, &steps_of(script));
}
