"""The fields of an item that searches name: the name outside, and the item's own."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "status": "status",
    "mediaType": "media_type",
    "channel": "channel",
    "capturePoint": "capture_point",
    "captureId": "capture_id",
    "category": "category_path",
    "categoryPath": "category_path",
    "categoryId": "category_id",
    "departmentId": "department_id",
    "processId": "process_id",
    "queue": "queue_id",
    "schemaId": "schema_id",
    "subject": "subject",
    "description": "description",
    "sourceUrl": "source_url",
    "dueOrigin": "due_origin",
    "holdReason": "hold_reason",
    "wakesOn": "hold_wakes_on",
    "keepFor": "keep_for",
    "segment": "segment",
    "assignedToUser": "assigned_to",
    "reservedFor": "reserved_for",
    "offeredTo": "offered_to",
    "lastAgent": "last_agent",
    "error": "error",
}
INTEGERS: Final = {
    "businessValue": "business_value",
    "priorityFixed": "priority_fixed",
    "priorityAdjustment": "priority_adjustment",
    "ruleSetVersion": "rule_set_version",
    "revision": "revision",
    "declines": "declines",
}
INSTANTS: Final = {
    "receivedDateTime": "received_at",
    "createdDateTime": "created_at",
    "activationDateTime": "activation_at",
    "dueDateTime": "due_at",
    "expirationDateTime": "expiration_at",
    "queuedDateTime": "queued_at",
    "assignedDateTime": "assigned_at",
    "completedDateTime": "completed_at",
    "reopenedDateTime": "reopened_at",
    "heldDateTime": "held_at",
    "holdUntil": "hold_until",
    "reservedUntil": "reserved_until",
    "offerExpiresDateTime": "offer_expires_at",
}
