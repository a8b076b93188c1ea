"""The API's operations on the service itself: policies, tokens, the journal, how it is doing."""

from __future__ import annotations

from responder.core.errors import Refused
from responder.core.identifiers import ContactName
from responder.dialects.wording import refusal
from responder.engine.commands import Role
from responder.engine.reload import Loaded
from responder.engine.service import Service
from responder.ports.store import StoredBody
from responder.web.operations import Answer, Call, Operation
from responder.web.problems import Kind
from responder.web.shapes import (
    FaultShape,
    FreshToken,
    JournalQuery,
    JournalShape,
    LoopShape,
    OutwardBeatShape,
    PoliciesShape,
    StatusShape,
    TokenRequest,
    TokenShape,
    TokensShape,
)
from responder.web.stories import of_body, of_token

JOURNAL_MOST = 16 * 1024 * 1024  # bytes of bodies after which a page of the journal ends


async def show_policies(call: Call) -> Answer:
    return Answer(_policies(call, call.service.reload.last))


async def reload_policies(call: Call) -> Answer:
    return Answer(_policies(call, await call.service.reload.reload()))


def _policies(call: Call, loaded: Loaded) -> PoliciesShape:
    faults = [
        FaultShape(file=fault.file, line=fault.line, what=fault.what, instead=fault.instead)
        for fault in loaded.faults
    ]
    return PoliciesShape(hash=call.service.policies.book.hash, faults=faults)


async def show_status(call: Call) -> Answer:
    service = call.service
    problems = service.readiness()
    backlog = await service.views.backlog()
    loops = [
        LoopShape(name=name, started_at=loop.started_at, failures=loop.failures, problem=loop.problem)
        for name, loop in service.supervisor.loops.items()
    ]
    status = StatusShape(
        version=call.version,
        ready=not problems,
        problems=problems,
        loops=loops,
        policies=service.policies.book.hash,
        fallback_channels={str(name): lacks for name, lacks in service.catalogue.fallbacks.items()},
        speechless_contacts={str(name): why for name, why in service.directory.speechless().items()},
        oldest_overdue_seconds={kind.value: age.total_seconds() for kind, age in backlog.overdue.items()},
        waiting_bodies=backlog.waiting,
        set_aside_bodies=backlog.set_aside,
        replicas=backlog.replicas,
        isolated_since=service.reach.isolated_since if service.reach.is_isolated else None,
        outward_beat=_outward(service) if service.points.is_watched else None,
    )
    return Answer(status)


def _outward(service: Service) -> OutwardBeatShape:
    outward = service.outward
    return OutwardBeatShape(
        arrived_at=outward.sent_at, withheld=dict(outward.withheld), problem=outward.problem
    )


async def list_tokens(call: Call) -> Answer:
    return Answer(TokensShape(tokens=[of_token(token) for token in await call.service.tokens.all()]))


async def make_token(call: Call) -> Answer:
    asked: TokenRequest = call.body
    contact = ContactName(asked.contact) if asked.contact is not None else None
    if contact is not None and call.service.directory.person(contact) is None:
        raise refusal(Refused, "token_of_nobody", contact=contact)
    fresh = await call.service.tokens.make(
        name=asked.name, role=asked.role, contact=contact, lasts=asked.lasts
    )
    return Answer(FreshToken(token=of_token(fresh.token), secret=fresh.secret), 201)


async def revoke_token(call: Call) -> Answer:
    return Answer(of_token(await call.service.tokens.revoke(call.path["token"])))


async def read_journal(call: Call) -> Answer:
    asked: JournalQuery = call.query
    found, following = await _bodies(call, asked.after, asked.limit)
    return Answer(JournalShape(bodies=[of_body(body) for body in found], next=following))


async def _bodies(call: Call, after: int, limit: int) -> tuple[list[StoredBody], int | None]:
    """Read one by one, for one may have 64 MiB. And what to go on after; None at the end."""
    found: list[StoredBody] = []
    size = 0
    while len(found) < limit and size < JOURNAL_MOST:
        read = await call.service.views.journal(after=after, limit=1)
        if not read:
            return found, None
        found += read
        size += len(read[0].body)
        after = read[0].id
    return found, after


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="show-policies",
        method="GET",
        path="/policies",
        summary="The policies in force, and what the last load came to",
        role=Role.VIEWER,
        act=show_policies,
        answers={200: PoliciesShape},
    ),
    Operation(
        id="reload-policies",
        method="POST",
        path="/policies/reload",
        summary="Load the policies again; the old ones stay where the new are not whole or strand an incident",
        role=Role.ADMIN,
        act=reload_policies,
        answers={200: PoliciesShape},
    ),
    Operation(
        id="show-status",
        method="GET",
        path="/status",
        summary="How the service itself is doing",
        role=Role.VIEWER,
        act=show_status,
        answers={200: StatusShape},
    ),
    Operation(
        id="list-tokens",
        method="GET",
        path="/tokens",
        summary="Every token, without its secret",
        role=Role.ADMIN,
        act=list_tokens,
        answers={200: TokensShape},
    ),
    Operation(
        id="make-token",
        method="POST",
        path="/tokens",
        summary="Make a token; its secret is told this once",
        role=Role.ADMIN,
        act=make_token,
        body=TokenRequest,
        answers={201: FreshToken},
        refusals=(Kind.REFUSED,),
    ),
    Operation(
        id="revoke-token",
        method="DELETE",
        path="/tokens/{token}",
        summary="End a token, by id or name, from now on",
        role=Role.ADMIN,
        act=revoke_token,
        answers={200: TokenShape},
        refusals=(Kind.UNKNOWN,),
    ),
    Operation(
        id="read-journal",
        method="GET",
        path="/journal",
        summary="Bodies as they were accepted, oldest first; for `responder replay`",
        role=Role.RESPONDER,
        act=read_journal,
        query=JournalQuery,
        answers={200: JournalShape},
    ),
)
