"""What holds for every answer of Keyhold, whatever it was asked: schemathesis runs these with its own checks."""
import re
import schemathesis

CODES = {
    400: {"invalid_argument"}, 401: {"unauthenticated"}, 403: {"permission_denied"}, 404: {"not_found"}, 409: {"already_exists", "conflict"},
    412: {"precondition_failed"}, 413: {"payload_too_large"}, 424: {"no_credential"}, 429: {"rate_limited", "budget_exceeded"}, 501: {"unsupported"},
    502: {"upstream_failed"}, 503: {"unavailable"}, 504: {"timeout"},
}
INSIDE = re.compile(r"\n\s+at |node:internal|node_modules|\.[jt]s:\d+|file://|(Type|Syntax|Range|Reference|Assertion)Error|SQLITE_|FST_ERR_")
SECRET = re.compile(r"kh_[gtps]_[0-9a-z]{16}_[0-9A-Za-z]{49}")


@schemathesis.check
def tells_nothing_of_the_inside(ctx, response, case):
    """No stack trace, file, library or class of ours is in a refusal, and no request finds out a key that is there."""
    if response.status_code >= 400:
        found = INSIDE.search(response.text)
        assert found is None, f"The answer tells of the inside: {found.group(0)!r}"
    if not (response.status_code == 201 or case.path.endswith("/rotate")):
        assert SECRET.search(response.text) is None, "The answer holds a key."


@schemathesis.check
def refuses_in_the_one_shape(ctx, response, case):
    """R0.3: the code that belongs to the status, and the request's id in head and body."""
    if response.status_code < 400:
        return
    error = response.json()["error"]
    codes = CODES.get(response.status_code)
    assert codes is not None, f"R0.3 has no status {response.status_code}"
    assert error["code"] in codes, f"{error['code']} with {response.status_code}"
    assert error["message"].strip() != "", "The message is empty."
    assert [error["requestId"]] == response.headers["x-request-id"], "The request's id in the body is not that of the head."
    assert (response.status_code in (429, 503)) == ("retry-after" in response.headers), "Retry-After goes with 429 and 503."
