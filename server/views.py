"""Records as REST shows them (contract section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from actors.frames import timestamp
from rules.preferences import Preferences
from storage.businesses import Business
from storage.campaigns import Campaign
from storage.channel_switches import ChannelSwitch
from storage.client import Document
from storage.delivery_records import DeliveryRecord
from storage.devices import Device
from storage.names import Names


def notification_record(row: Document, names: Names) -> dict[str, Any]:
    """Return a notification, as it is stored in clear, as the inbox lists it."""
    return {"id": row["_id"], **notification_origin(row, names), **notification_content(row)}


def notification_origin(row: Document, names: Names) -> dict[str, Any]:
    """Return `{"sender", "business"}` of a notification: whom it is from."""
    business_id = row["business_id"]
    business = None if business_id is None else names.businesses.get(business_id)
    return {
        "sender": _sender(row, business, names),
        "business": None if business is None else business_card(business),
    }


def notification_content(row: Document) -> dict[str, Any]:
    """Return what of a notification's record is in the row itself, but for its id."""
    read_at = row["read_at"]
    return {
        "notification_type": row["kind"],
        "title": row["title"],
        "message": row["message"],
        "data": row["data"],
        "action_buttons": row["action_buttons"],
        "image_url": row["image_url"],
        "priority": row["priority"],
        "created_at": timestamp(row["created_at"]),
        "is_read": row["is_read"],
        "is_deleted": row["is_deleted"],
        "read_at": None if read_at is None else timestamp(read_at),
    }


def _sender(row: Document, business: Business | None, names: Names) -> dict[str, Any] | None:
    """Return `{"id", "name", "user_type"}`; a business speaks under its own name."""
    sender_id = row["sender_id"]
    if sender_id is None:
        return None
    if business is not None and business.owner_id == sender_id:
        return {"id": sender_id, "name": business.name, "user_type": "provider"}
    user = names.users.get(sender_id)
    return {
        "id": sender_id,
        "name": user.name if user else None,
        "user_type": user.user_type if user else row.get("sender_type"),
    }


def preferences_record(preferences: Preferences) -> dict[str, Any]:
    """Return all preferences, set or not."""
    quiet_hours = preferences.quiet_hours
    return {
        "email_notifications": preferences.email_notifications,
        "new_listing_notifications": preferences.new_listing_notifications,
        "promotional_notifications": preferences.promotional_notifications,
        "weekly_digest": preferences.weekly_digest,
        "push_notifications": preferences.push_notifications,
        "sms_notifications": preferences.sms_notifications,
        "mute_all": preferences.mute_all,
        "muted_types": preferences.muted_types,
        "muted_businesses": preferences.muted_businesses,
        "quiet_hours": {
            "enabled": quiet_hours.is_enabled,
            "start": f"{quiet_hours.start:%H:%M}",
            "end": f"{quiet_hours.end:%H:%M}",
        },
        "timezone": preferences.timezone,
        "locale": preferences.locale,
    }


def device_record(device: Device) -> dict[str, Any]:
    """Return a device as its user sees it: of the token no more than its end."""
    return {
        "id": device.id,
        "platform": device.platform,
        "name": device.name,
        "is_active": device.is_active,
        "token_hint": device.hint,
        "created_at": timestamp(device.created_at),
        "last_used_at": timestamp(device.last_used_at),
    }


def channel_switch_record(switch: ChannelSwitch) -> dict[str, Any]:
    """Return how a channel is switched, and who switched it last."""
    return {
        "channel": switch.channel,
        "is_paused": switch.is_paused,
        "by": switch.by,
        "at": switch.at and timestamp(switch.at),
    }


def delivery_record(record: DeliveryRecord) -> dict[str, Any]:
    """Return one channel of one notification as operators see it; no address is in it."""
    state = record.state
    return {
        "id": record.id,
        "notification_id": record.notification_id,
        "recipient_id": record.recipient_id,
        "notification_type": record.kind,
        "channel": record.channel,
        "status": state["status"],
        "reason": state.get("reason"),
        "attempts": attempt_records(state),
        "due_at": time_of(state, "due_at"),
        "sent_at": time_of(state, "sent_at"),
        "last_error": state.get("last_error"),
        "provider_message_id": state.get("provider_message_id"),
    }


def attempt_records(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the attempts of one channel's state, the first one first."""
    return [
        {
            "at": timestamp(attempt["at"]),
            "ended_at": time_of(attempt, "ended_at"),
            "error": attempt.get("error"),
            "uncertain": attempt.get("uncertain", False),
        }
        for attempt in state.get("attempts", ())
    ]


def time_of(known: Mapping[str, Any], name: str) -> str | None:
    """Return the time that `known` has under `name`, None when there is none."""
    at = known.get(name)
    return None if at is None else timestamp(at)


def person_card(user_id: UUID, user_type: str | None, names: Names) -> dict[str, Any]:
    """Return `{"id", "name", "user_type", "profile_image"}`; what is not known is null."""
    user = names.users.get(user_id)
    return {
        "id": user_id,
        "name": user.name if user else None,
        "user_type": user_type,
        "profile_image": user.profile_image if user else None,
    }


def business_card(business: Business) -> dict[str, Any]:
    """Return `{"id", "name", "logo"}`."""
    return {"id": business.id, "name": business.name, "logo": business.logo}


def business_profile(business: Business) -> dict[str, Any]:
    """Return what followers see of a business in their list."""
    return {
        **business_card(business),
        "address": business.address,
        "rating": business.rating,
        "followers_count": business.followers_count,
    }


def campaign_record(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign; of the conditions of its audience those that were given."""
    audience = campaign.audience.given()
    if campaign.audience.active_since is not None:
        audience["active_since"] = timestamp(campaign.audience.active_since)
    counts = campaign.counts
    return {
        "id": campaign.id,
        "name": campaign.name,
        "title": campaign.title,
        "message": campaign.message,
        "notification_type": campaign.kind,
        "channels": campaign.channels,
        "audience": audience,
        "template": campaign.template,
        "send_at": campaign.send_at and timestamp(campaign.send_at),
        "status": campaign.status,
        "progress": {
            "audience": campaign.audience_size,
            "processed": counts.processed,
            "created": counts.created,
            "suppressed": counts.suppressed,
            "failed": counts.failed,
        },
        "created_at": timestamp(campaign.created_at),
        "started_at": campaign.started_at and timestamp(campaign.started_at),
        "completed_at": campaign.completed_at and timestamp(campaign.completed_at),
        "created_by": campaign.created_by,
        "reason": campaign.reason,
    }
