"""The one table of authorisation: every route and what it takes. A route that is not listed stops the start.

Item privileges have a scope as well (own, access group, all): use cases check it with `Caller.require_item`. What lies
out of reach is answered as what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, assert_never

from openiwd.domain.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from openiwd.domain.privilege import Caller


class Access(Enum):
    """What a route takes where it is not a privilege."""

    PUBLIC = "public"
    """Nobody needs to say who they are."""
    CALLER = "caller"
    """Anybody known; what is done inside is checked one by one."""
    AGENT = "agent"
    """A caller with an agent profile."""
    CLOSED = "closed"
    """Nobody: the framework brings the route along, ours stands elsewhere."""


PREFIX: Final = "/iwd/v3"

_HEALTH: Final[dict[str, Access | str]] = {
    "GET /livez": Access.PUBLIC,
    "GET /readyz": Access.PUBLIC,
    "GET /iwd/v3/metrics": Access.PUBLIC,
    "GET /iwd/v3/openapi.json": Access.PUBLIC,
    "GET /iwd/v3/docs": Access.PUBLIC,
    "GET /iwd/v3/docs/{file_name}": Access.PUBLIC,
    "GET /iwd/v3/openapi": Access.CLOSED,
    "GET /iwd/v3/openapi/openapi.json": Access.CLOSED,
    "GET /iwd/v3/openapi/{path}": Access.CLOSED,
    "POST /iwd/v3/sessions": Access.PUBLIC,
    "DELETE /iwd/v3/sessions/current": Access.CALLER,
    "GET /iwd/v3/users/me": Access.CALLER,
    "PUT /iwd/v3/users/me": Access.CALLER,
    "POST /iwd/v3/users/me/password": Access.CALLER,
}

_ITEMS: Final[dict[str, Access | str]] = {
    "POST /iwd/v3/items": "workitems.create",
    "POST /iwd/v3/items/batch": "workitems.create",
    "POST /iwd/v3/items/operations": Access.CALLER,
    "GET /iwd/v3/checkpoints/{name}": "workitems.create",
    "GET /iwd/v3/items": "workitems.read",
    "GET /iwd/v3/items/{item_id}": "workitems.read",
    "PUT /iwd/v3/items/{item_id}": "workitems.update",
    "PATCH /iwd/v3/items/{item_id}": "workitems.update",
    "DELETE /iwd/v3/items/{item_id}": "workitems.delete",
    "POST /iwd/v3/items/{item_id}/hold": "workitems.hold",
    "POST /iwd/v3/items/{item_id}/resume": "workitems.resume",
    "POST /iwd/v3/items/{item_id}/cancel": "workitems.cancel",
    "POST /iwd/v3/items/{item_id}/complete": "workitems.complete",
    "POST /iwd/v3/items/{item_id}/reopen": "workitems.reopen",
    "POST /iwd/v3/items/{item_id}/restart": "workitems.restart",
    "POST /iwd/v3/items/{item_id}/activate": "workitems.activate",
    "POST /iwd/v3/items/{item_id}/assign": "workitems.assign",
    "POST /iwd/v3/items/{item_id}/transfer": "workitems.transfer",
    "POST /iwd/v3/items/{item_id}/return": "workitems.return",
    "POST /iwd/v3/items/{item_id}/pull": "workitems.pull",
    "GET /iwd/v3/items/{item_id}/history": "workitems.read",
    "GET /iwd/v3/items/{item_id}/explain": "workitems.read",
    "GET /iwd/v3/items/{item_id}/priority": "workitems.read",
    "GET /iwd/v3/items/{item_id}/notes": "workitems.read",
    "POST /iwd/v3/items/{item_id}/notes": "workitems.note",
    "POST /iwd/v3/items/{item_id}/tags": "workitems.note",
    "GET /iwd/v3/items/{item_id}/attachments": "workitems.read",
    "POST /iwd/v3/items/{item_id}/attachments": "workitems.note",
    "GET /iwd/v3/items/{item_id}/attachments/{attachment_id}": "workitems.read",
    "GET /iwd/v3/items/{item_id}/links": "workitems.read",
    "POST /iwd/v3/items/{item_id}/links": "workitems.note",
    "POST /iwd/v3/items/search": "workitems.search",
    "GET /iwd/v3/items/export": "workitems.export",
    "POST /iwd/v3/items/bulk": "workitems.bulk",
    "GET /iwd/v3/jobs": "workitems.bulk",
    "GET /iwd/v3/jobs/{job_id}": "workitems.bulk",
    "GET /iwd/v3/jobs/{job_id}/results": "workitems.bulk",
    "DELETE /iwd/v3/jobs/{job_id}": "workitems.bulk",
    "POST /iwd/v3/jobs/{job_id}/undo": "workitems.bulk",
    "GET /iwd/v3/queues/{queue_id}/order": "workitems.search",
    "GET /iwd/v3/queues/order": "workitems.search",
    "GET /iwd/v3/categories/counts": "workitems.search",
    "GET /iwd/v3/contacts": "contacts.view",
    "GET /iwd/v3/contacts/{contact_id}": "contacts.view",
}

_WORKSPACE: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/agents/me": Access.AGENT,
    "GET /iwd/v3/agents/me/offers": Access.AGENT,
    "GET /iwd/v3/agents/me/items": Access.AGENT,
    "POST /iwd/v3/agents/me/state": Access.AGENT,
    "GET /iwd/v3/agents/me/workbins": "workitems.pull",
    "GET /iwd/v3/agents/me/workbins/{bin_id}": "workitems.pull",
    "POST /iwd/v3/agents/me/next": "workitems.pull",
    "POST /iwd/v3/agents/me/heartbeat": Access.AGENT,
    "POST /iwd/v3/offers/{offer_id}/accept": Access.AGENT,
    "POST /iwd/v3/offers/{offer_id}/decline": Access.AGENT,
    "GET /iwd/v3/stream": "workitems.read",
    "GET /iwd/v3/reporting/events": "reporting.read",
    "GET /iwd/v3/reports": "reports.view",
    "GET /iwd/v3/reports/runs": "reports.view",
    "GET /iwd/v3/reports/workforce/file": "reports.view",
    "GET /iwd/v3/reports/{report_id}": "reports.view",
    "GET /iwd/v3/reports/{report_id}/items": "reports.view",
    "GET /iwd/v3/reports/{report_id}/file": "reports.view",
    "GET /iwd/v3/report-schedules": "reports.schedule",
    "PUT /iwd/v3/report-schedules/{schedule_id}": "reports.schedule",
    "DELETE /iwd/v3/report-schedules/{schedule_id}": "reports.schedule",
}

_RULE_SETS: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/rulesets": "categories.view",
    "GET /iwd/v3/rulesets/{version}": "categories.view",
    "GET /iwd/v3/rulesets/{version}/lint": "categories.view",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/lint": "categories.view",
    "GET /iwd/v3/rulesets/drafts": "categories.view",
    "POST /iwd/v3/rulesets/drafts": "categories.update",
    "GET /iwd/v3/rulesets/drafts/{draft_id}": "categories.view",
    "PUT /iwd/v3/rulesets/drafts/{draft_id}": "categories.update",
    "DELETE /iwd/v3/rulesets/drafts/{draft_id}": "categories.update",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/update": "categories.update",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/publish": "rulesets.publish",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/shadow": "categories.update",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/shadow": "categories.view",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/canary": "rulesets.publish",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/canary": "categories.view",
    "DELETE /iwd/v3/rulesets/drafts/{draft_id}/canary": "rulesets.publish",
    "GET /iwd/v3/rulesets/canary": "categories.view",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/file": "categories.view",
    "POST /iwd/v3/rulesets/drafts/import": "categories.update",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/tests": "categories.view",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/tests/{test_id}": "categories.view",
    "PUT /iwd/v3/rulesets/drafts/{draft_id}/tests/{test_id}": "categories.update",
    "DELETE /iwd/v3/rulesets/drafts/{draft_id}/tests/{test_id}": "categories.update",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/tests": "categories.update",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/test": "categories.view",
    "POST /iwd/v3/rulesets/{version}/test": "categories.view",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/impact": "categories.view",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/impact": "categories.view",
    "DELETE /iwd/v3/rulesets/drafts/{draft_id}/impact": "categories.view",
    "GET /iwd/v3/rulesets/drafts/{draft_id}/impact/items": "categories.view",
    "POST /iwd/v3/rulesets/drafts/{draft_id}/approval": "rulesets.publish",
    "DELETE /iwd/v3/rulesets/drafts/{draft_id}/approval": "rulesets.publish",
    "GET /iwd/v3/rulesets/settings": "categories.view",
    "PUT /iwd/v3/rulesets/settings": "users.update",
    "POST /iwd/v3/rulesets": "rulesets.publish",
    "POST /iwd/v3/rulesets/{version}/rollback": "rulesets.publish",
    "GET /iwd/v3/rulesets/{version}/diff/{other}": "categories.view",
    "GET /iwd/v3/categories": "categories.view",
    "GET /iwd/v3/categories/{category_id}": "categories.view",
    "PUT /iwd/v3/categories/{category_id}": "categories.update",
    "DELETE /iwd/v3/categories/{category_id}": "categories.update",
    "GET /iwd/v3/calendars": "calendars.view",
    "GET /iwd/v3/calendars/{object_id}": "calendars.view",
    "PUT /iwd/v3/calendars/{object_id}": "calendars.update",
    "DELETE /iwd/v3/calendars/{object_id}": "calendars.update",
    "GET /iwd/v3/schemas": "prioritization.view",
    "GET /iwd/v3/schemas/{object_id}": "prioritization.view",
    "PUT /iwd/v3/schemas/{object_id}": "prioritization.update",
    "DELETE /iwd/v3/schemas/{object_id}": "prioritization.update",
    "POST /iwd/v3/schemas/{object_id}/trial": "prioritization.view",
    "POST /iwd/v3/schemas/{object_id}/impact": "prioritization.view",
    "GET /iwd/v3/calendars/{object_id}/days": "calendars.view",
    "GET /iwd/v3/queues": "queues.view",
    "GET /iwd/v3/queues/{object_id}": "queues.view",
    "PUT /iwd/v3/queues/{object_id}": "queues.update",
    "DELETE /iwd/v3/queues/{object_id}": "queues.update",
    "GET /iwd/v3/attributes": "attributes.view",
    "GET /iwd/v3/attributes/{object_id}": "attributes.view",
    "PUT /iwd/v3/attributes/{object_id}": "attributes.update",
    "DELETE /iwd/v3/attributes/{object_id}": "attributes.update",
    "GET /iwd/v3/media-types": "queues.view",
    "GET /iwd/v3/media-types/{object_id}": "queues.view",
    "PUT /iwd/v3/media-types/{object_id}": "queues.update",
    "DELETE /iwd/v3/media-types/{object_id}": "queues.update",
    "GET /iwd/v3/rules": "categories.view",
    "GET /iwd/v3/rules/{object_id}": "categories.view",
    "PUT /iwd/v3/rules/{object_id}": "categories.update",
    "DELETE /iwd/v3/rules/{object_id}": "categories.update",
    "GET /iwd/v3/decision-tables": "categories.view",
    "GET /iwd/v3/decision-tables/{object_id}": "categories.view",
    "PUT /iwd/v3/decision-tables/{object_id}": "categories.update",
    "DELETE /iwd/v3/decision-tables/{object_id}": "categories.update",
}

_LIVE: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/skills": "agents.view",
    "GET /iwd/v3/skills/{object_id}": "agents.view",
    "GET /iwd/v3/skills/{object_id}/uses": "agents.view",
    "PUT /iwd/v3/skills/{object_id}": "agents.update",
    "DELETE /iwd/v3/skills/{object_id}": "agents.update",
    "GET /iwd/v3/groups": "agents.view",
    "GET /iwd/v3/groups/{object_id}": "agents.view",
    "GET /iwd/v3/groups/{object_id}/uses": "agents.view",
    "PUT /iwd/v3/groups/{object_id}": "agents.update",
    "DELETE /iwd/v3/groups/{object_id}": "agents.update",
    "GET /iwd/v3/hold-reasons": Access.CALLER,
    "GET /iwd/v3/hold-reasons/{object_id}": Access.CALLER,
    "GET /iwd/v3/hold-reasons/{object_id}/uses": Access.CALLER,
    "PUT /iwd/v3/hold-reasons/{object_id}": "queues.update",
    "DELETE /iwd/v3/hold-reasons/{object_id}": "queues.update",
    "GET /iwd/v3/capture-points": "capturePoints.view",
    "GET /iwd/v3/capture-points/{object_id}": "capturePoints.view",
    "GET /iwd/v3/capture-points/{object_id}/uses": "capturePoints.view",
    "PUT /iwd/v3/capture-points/{object_id}": "capturePoints.update",
    "DELETE /iwd/v3/capture-points/{object_id}": "capturePoints.update",
    "GET /iwd/v3/capture-point-status": "capturePoints.view",
    "GET /iwd/v3/capture-points/{object_id}/status": "capturePoints.view",
    "POST /iwd/v3/capture-points/{object_id}/test": "capturePoints.view",
    "POST /iwd/v3/capture-points/{object_id}/messages": Access.CALLER,
    "GET /iwd/v3/capture-points/{object_id}/errors": "capturePoints.view",
    "GET /iwd/v3/capture-points/{object_id}/errors/{error_id}": "capturePoints.view",
    "POST /iwd/v3/capture-points/{object_id}/errors/{error_id}/retry": "capturePoints.update",
    "POST /iwd/v3/capture-points/{object_id}/errors/{error_id}/discard": "capturePoints.update",
    "POST /iwd/v3/capture-points/{object_id}/errors/retry": "capturePoints.update",
    "POST /iwd/v3/capture-points/{object_id}/errors/discard": "capturePoints.update",
    "GET /iwd/v3/lookup-tables": "lookupTables.view",
    "GET /iwd/v3/lookup-tables/{table_id}": "lookupTables.view",
    "PUT /iwd/v3/lookup-tables/{table_id}": "lookupTables.update",
    "DELETE /iwd/v3/lookup-tables/{table_id}": "lookupTables.update",
    "POST /iwd/v3/lookup-tables/{table_id}/import": "lookupTables.update",
    "GET /iwd/v3/lookup-tables/{table_id}/export": "lookupTables.view",
    "GET /iwd/v3/agents": "agents.view",
    "GET /iwd/v3/agents/{agent_id}": "agents.view",
    "PUT /iwd/v3/agents/{agent_id}": "agents.update",
    "DELETE /iwd/v3/agents/{agent_id}": "agents.update",
    "POST /iwd/v3/agents/import": "agents.update",
    "GET /iwd/v3/agents/export": "agents.view",
    "POST /iwd/v3/agents/{agent_id}/state": "agents.state",
    "POST /iwd/v3/agents/{agent_id}/return": "agents.state",
    "GET /iwd/v3/absences": "agents.view",
    "GET /iwd/v3/absences/{agent_id}": "agents.view",
    "PUT /iwd/v3/absences/{agent_id}": "agents.update",
    "GET /iwd/v3/views": "workitems.search",
    "POST /iwd/v3/views": "workitems.search",
    "GET /iwd/v3/views/{view_id}": "workitems.search",
    "PUT /iwd/v3/views/{view_id}": "workitems.search",
    "DELETE /iwd/v3/views/{view_id}": "workitems.search",
}

_WEBHOOKS: Final[dict[str, Access | str]] = {
    "POST /iwd/v3/capture/{point_id}": Access.PUBLIC,
    "GET /iwd/v3/webhooks": "webhooks.view",
    "GET /iwd/v3/webhooks/{object_id}": "webhooks.view",
    "PUT /iwd/v3/webhooks/{object_id}": "webhooks.update",
    "DELETE /iwd/v3/webhooks/{object_id}": "webhooks.update",
    "POST /iwd/v3/webhooks/{object_id}/secret": "webhooks.update",
    "POST /iwd/v3/webhooks/{object_id}/ping": "webhooks.update",
    "POST /iwd/v3/webhooks/{object_id}/replay": "webhooks.update",
    "GET /iwd/v3/webhooks/{object_id}/deliveries": "webhooks.view",
    "GET /iwd/v3/webhooks/{object_id}/deliveries/{delivery_id}": "webhooks.view",
}

_INTEGRATIONS: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/integrations/gws": "webhooks.view",
    "PUT /iwd/v3/integrations/gws": "webhooks.update",
    "POST /iwd/v3/integrations/gws/test": "webhooks.update",
    "POST /iwd/v3/integrations/gws/check": "webhooks.update",
    "GET /iwd/v3/integrations/gws/tenant-settings": "webhooks.view",
    "POST /iwd/v3/integrations/gws/api-key": "webhooks.update",
    "GET /iwd/v3/integrations/gws/submissions": "webhooks.view",
    "POST /iwd/v3/integrations/gws/notifications": Access.PUBLIC,
}

_USERS: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/users": "users.view",
    "POST /iwd/v3/users": "users.update",
    "GET /iwd/v3/users/{user_id}": "users.view",
    "PUT /iwd/v3/users/{user_id}": "users.update",
    "DELETE /iwd/v3/users/{user_id}": "users.update",
    "POST /iwd/v3/users/{user_id}/password": "users.update",
    "GET /iwd/v3/access-groups": "users.view",
    "GET /iwd/v3/access-groups/{group_id}": "users.view",
    "PUT /iwd/v3/access-groups/{group_id}": "users.update",
    "DELETE /iwd/v3/access-groups/{group_id}": "users.update",
    "GET /iwd/v3/api-keys": "apiKeys.view",
    "POST /iwd/v3/api-keys": "apiKeys.update",
    "GET /iwd/v3/api-keys/{key_id}": "apiKeys.view",
    "DELETE /iwd/v3/api-keys/{key_id}": "apiKeys.update",
    "GET /iwd/v3/audit": "audit.view",
    "GET /iwd/v3/privileges": Access.CALLER,
    "GET /iwd/v3/roles": Access.CALLER,
}

_WATCHING: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/dashboards/backlog": "dashboard.view",
    "GET /iwd/v3/dashboards/flow": "dashboard.view",
    "GET /iwd/v3/dashboards/agents": "dashboard.view",
    "GET /iwd/v3/doctor": "dashboard.view",
    "GET /iwd/v3/alarms": "alarms.view",
    "GET /iwd/v3/alarms/{alarm_id}": "alarms.view",
    "POST /iwd/v3/alarms/{alarm_id}/acknowledge": "alarms.update",
    "POST /iwd/v3/alarms/acknowledge": "alarms.update",
    "POST /iwd/v3/alarms/{alarm_id}/own": "alarms.update",
    "POST /iwd/v3/alarms/{alarm_id}/give-back": "alarms.update",
    "GET /iwd/v3/alarms/settings": "alarms.view",
    "PUT /iwd/v3/alarms/settings": "alarms.update",
    "GET /iwd/v3/alarms/subscription": "alarms.view",
    "PUT /iwd/v3/alarms/subscription": "alarms.view",
}

_EMAIL: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/mailboxes": "mailboxes.view",
    "GET /iwd/v3/mailboxes/{mailbox_id}": "mailboxes.view",
    "PUT /iwd/v3/mailboxes/{mailbox_id}": "mailboxes.update",
    "DELETE /iwd/v3/mailboxes/{mailbox_id}": "mailboxes.update",
    "PUT /iwd/v3/mailboxes/{mailbox_id}/secrets": "mailboxes.update",
    "POST /iwd/v3/mailboxes/leases": "email.service",
    "DELETE /iwd/v3/mailboxes/leases/{holder}": "email.service",
    "POST /iwd/v3/mailboxes/cursors": "email.service",
    "POST /iwd/v3/mailboxes/status": "email.service",
    "POST /iwd/v3/mailboxes/{mailbox_id}/token": "email.service",
    "POST /iwd/v3/mailboxes/{mailbox_id}/test": "mailboxes.update",
    "POST /iwd/v3/mailboxes/{mailbox_id}/consent": "mailboxes.update",
    "GET /iwd/v3/emails/oauth2/{provider}/callback": "mailboxes.update",
    "GET /iwd/v3/emails/review": "emails.review",
    "POST /iwd/v3/emails/{email_id}/review": "emails.send",
    "POST /iwd/v3/emails/{email_id}/release": "emails.review",
    "POST /iwd/v3/emails/{email_id}/discard": "emails.review",
    "GET /iwd/v3/filters": "filters.view",
    "PUT /iwd/v3/filters/{filter_id}": "filters.update",
    "DELETE /iwd/v3/filters/{filter_id}": "filters.update",
    "POST /iwd/v3/emails": "email.service",
    "GET /iwd/v3/emails/outbound": "email.service",
    "GET /iwd/v3/emails/{email_id}/raw": "email.service",
    "POST /iwd/v3/emails/{email_id}/sending-status": "email.service",
    "POST /iwd/v3/emails/{email_id}/settle": "emails.send",
    "GET /iwd/v3/emails/aside": "emails.review",
    "GET /iwd/v3/items/{item_id}/emails": "workitems.read",
    "POST /iwd/v3/items/{item_id}/emails": "emails.send",
    "GET /iwd/v3/items/{item_id}/emails/{email_id}/files/{ordinal}": "workitems.read",
    "GET /iwd/v3/items/{item_id}/emails/{email_id}/original": "workitems.read",
    "POST /iwd/v3/items/{item_id}/emails/merge": "emails.merge",
    "POST /iwd/v3/items/{item_id}/emails/split": "emails.merge",
    "POST /iwd/v3/emails/moves/{move_id}/undo": "emails.merge",
    "GET /iwd/v3/standard-responses": Access.CALLER,
    "PUT /iwd/v3/standard-responses/{response_id}": "mailboxes.update",
    "DELETE /iwd/v3/standard-responses/{response_id}": "mailboxes.update",
    "GET /iwd/v3/items/{item_id}/standard-responses/{response_id}": "emails.send",
    "POST /iwd/v3/items/{item_id}/emails/{email_id}/withdraw": "emails.send",
}

_LOGIN: Final[dict[str, Access | str]] = {
    "GET /iwd/v3/login-settings": "users.view",
    "PUT /iwd/v3/login-settings": "users.update",
    "POST /iwd/v3/login-settings/test": "users.update",
    "GET /iwd/v3/users/me/second-factor": Access.CALLER,
    "POST /iwd/v3/users/me/second-factor": Access.CALLER,
    "POST /iwd/v3/users/me/second-factor/confirm": Access.CALLER,
    "POST /iwd/v3/users/me/second-factor/recovery-codes": Access.CALLER,
    "POST /iwd/v3/users/me/second-factor/end": Access.CALLER,
    "DELETE /iwd/v3/users/{user_id}/second-factor": "users.update",
    "GET /iwd/v3/users/me/sessions": Access.CALLER,
    "DELETE /iwd/v3/users/me/sessions/{session_id}": Access.CALLER,
}

_ERASURE: Final[dict[str, Access | str]] = {
    "POST /iwd/v3/contacts/{contact_id}/erase": "contacts.erase",
    "GET /iwd/v3/erasures": "contacts.erase",
    "POST /iwd/v3/erasures/proof": "contacts.erase",
    "GET /iwd/v3/retention": "contacts.view",
    "PUT /iwd/v3/retention": "contacts.erase",
    "POST /iwd/v3/retention/test": "contacts.view",
}

_PROVISIONING: Final[dict[str, Access | str]] = {
    "POST /iwd/v3/provisioning": "tenants.update",
    "PUT /iwd/v3/provisioning": "tenants.update",
    "GET /iwd/v3/provisioning": "tenants.view",
    "GET /iwd/v3/provisioning/audit": "tenants.view",
    "GET /iwd/v3/provisioning/{ccid}": "tenants.view",
    "DELETE /iwd/v3/provisioning/{ccid}": "tenants.update",
    "POST /iwd/v3/provisioning/{ccid}/suspend": "tenants.update",
    "POST /iwd/v3/provisioning/{ccid}/resume": "tenants.update",
    "POST /iwd/v3/provisioning/{ccid}/administrator": "tenants.update",
}
"""With the platform's key only: the use cases refuse a key of a tenant even with these privileges."""

ROUTES: Final[dict[str, Access | str]] = {
    **_HEALTH,
    **_ITEMS,
    **_WORKSPACE,
    **_RULE_SETS,
    **_LIVE,
    **_WEBHOOKS,
    **_USERS,
    **_WATCHING,
    **_EMAIL,
    **_INTEGRATIONS,
    **_LOGIN,
    **_PROVISIONING,
    **_ERASURE,
}
"""`METHOD /path/{template}` → what it takes: a privilege by name, or one of `Access`."""


def require(route: str, caller: Caller | None) -> None:
    """Lets the caller through to the route, or says what is missing."""
    need = ROUTES.get(route)
    if need is None or need is Access.CLOSED:
        raise NotFoundError("there is no such path", hint="see /iwd/v3/docs")
    if need is Access.PUBLIC:
        return
    if caller is None:
        raise UnauthenticatedError(
            "no valid API key or session came with the request",
            hint="send an API key in the header x-api-key, or log in",
        )
    match need:
        case str():
            caller.require(need)
        case Access.CALLER:
            pass
        case Access.AGENT:
            if caller.agent_id is None:
                raise ForbiddenError(
                    "only agents have a workspace",
                    code="noAgent",
                    hint="log in as a user with an agent profile",
                )
        case _:
            assert_never(need)


def check_routes(served: Iterable[str]) -> None:
    """Stops the start when a route is served but not listed, or listed but not served."""
    routes = set(served)
    unlisted, unserved = sorted(routes - ROUTES.keys()), sorted(ROUTES.keys() - routes)
    if unlisted or unserved:
        raise RuntimeError(f"authorisation table: not listed {unlisted}, listed but not served {unserved}")
