"""The indexes of who is told: users, businesses, who follows whom, and who wants no more."""

from __future__ import annotations

from storage.index import Index

PEOPLE_INDEXES = (
    *(
        Index(
            name="_".join((*(key.rpartition(".")[2] for key in by), "slot")),
            collection="users",
            keys=(*by, "slot"),
            serves="SegmentsRepository.range and candidates: a share of the users of a segment",
        )
        for by in ((), ("user_type",), ("in_force.timezone",))
    ),
    Index(
        name="settling_at",
        collection="users",
        keys=("settling.at",),
        options={"sparse": True},
        serves="FollowChanges.unsettled: changes whose process is gone",
    ),
    Index(
        name="settling_business",
        collection="users",
        keys=("settling.business_id",),
        options={"sparse": True},
        serves="FollowChanges.settling_tokens: whether a business's count may be corrected",
    ),
    Index(
        name="opted_out",
        collection="users",
        keys=("opt_outs.at",),
        options={"sparse": True},
        serves="OptOuts.gather and count: opt-outs that are not rows yet",
    ),
    Index(
        name="at",
        collection="opt_outs",
        keys=("at",),
        serves="OptOuts.count: those of a day",
    ),
    Index(
        name="purge",
        collection="opt_outs",
        keys=("purge_at",),
        options={"expireAfterSeconds": 0},
        serves="the store's own removal, long after they were counted",
    ),
    Index(
        name="unreachable_sms",
        collection="users",
        keys=("unreachable.sms.suppression",),
        options={"sparse": True},
        serves="Reachability.regain: whose number it is that is allowed again",
    ),
    Index(
        name="business_user",
        collection="follows",
        keys=("business_id", "user_id"),
        options={"unique": True},
        serves="FollowsRepository.find; the shard key",
    ),
    Index(
        name="business_active_slot",
        collection="follows",
        keys=("business_id", "is_active", "slot"),
        serves="FollowsRepository.range: the followers of a business, a share at a time",
    ),
    *(
        Index(
            name="_".join(("business_active", *also, "followed")),
            collection="follows",
            keys=("business_id", "is_active", *also, "followed_at"),
            serves="FollowsRepository.followed, followed_count and count: followers by time",
        )
        for also in ((), ("user_type",))
    ),
    Index(
        name="owner",
        collection="businesses",
        keys=("owner_id",),
        options={"sparse": True},
        serves="BusinessesRepository.find_owned and exported: the businesses of a provider",
    ),
    Index(
        name="follower",
        collection="follows",
        keys=("user_id",),
        serves="FollowsRepository.exported: all follows of one user, those that have ended too",
    ),
)
