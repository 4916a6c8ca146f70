"""What Schemathesis is told of Vitrine: values for its scalars, and what no answer may hold."""

import json
import os
import re

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

CAST = json.loads(os.environ["VITRINE_CAST"])
IDS = [value for name, value in CAST.items() if name.endswith("Id") and value]

# Half of the ids name what is there: chance alone would never find any.
schemathesis.graphql.scalar(
    "ID",
    st.one_of(st.sampled_from(IDS), st.text(max_size=40), st.from_regex(r"(acct|brand|shop|prod|var|rec|cart|order|unit|refund|dispute|po|whe|key)_[0-7][0-9a-hjkmnp-tv-z]{25}", fullmatch=True)).map(
        nodes.String
    ),
)

schemathesis.graphql.scalar("DateTime", st.datetimes().map(lambda at: nodes.String(at.isoformat() + "Z")))
schemathesis.graphql.scalar(
    "Decimal",
    st.one_of(st.decimals(-10**12, 10**12, places=2).map(str), st.text(max_size=20)).map(nodes.String),
)
schemathesis.graphql.scalar("UnsignedInt64", st.integers(0, 2**64).map(str).map(nodes.String))

# What tells of the inside: statements, tables' errors, panics, source files, and paths of the machine.
INSIDE = re.compile(
    r"panicked|stack backtrace|\bsqlx?\b|sea[-_ ]orm|sqlite|postgres|\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\b.+\b(?:FROM|VALUES|SET|WHERE)\b"
    r"|no such (?:table|column)|constraint failed|violates .* constraint|crates/[a-z]+/src|\.rs:\d+|/home/|/tmp/|/root/|\.cargo",
    re.IGNORECASE,
)
SECRET = re.compile(r"sk_(?:test|live)_|whsec_|\$argon2")


def errors_of(response):
    try:
        answer = response.json()
    except ValueError as error:
        raise AssertionError(f"the answer is not JSON: {response.text[:500]}") from error
    return answer.get("errors", [])


@schemathesis.check
def tells_nothing_of_the_inside(ctx, response, case):
    """No fault, no panic, no statement, no path, no secret: whatever was asked."""
    for error in errors_of(response):
        code = error.get("extensions", {}).get("code")
        assert code, f"an error without a code: {error}"
        assert code not in ("INTERNAL", "TIMEOUT"), f"a fault: {error}"
        told = INSIDE.search(error["message"])
        assert not told, f"an error tells of the inside: {error}"
    assert not SECRET.search(response.text), "an answer holds a secret"


@schemathesis.check
def answers_in_its_media_type(ctx, response, case):
    """Always GraphQL over HTTP, whatever came of it."""
    media_type = response.headers.get("content-type", [""])[0]
    assert media_type.startswith(("application/json", "application/graphql-response+json")), media_type
    assert response.status_code in (200, 400, 401, 413, 429), response.status_code
