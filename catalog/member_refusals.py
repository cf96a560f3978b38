"""What a refusal about memberships, perks, offers, segments and one's data means: rows as in
catalog.refusals.
"""

MEMBERS = {
    "already_member": (
        "You are a member of this creator already",
        "One account has one membership with a creator.",
        "Change the tier or the period of the one that there is.",
    ),
    "closed": (
        "This creator takes no members",
        "Membership was closed, or is not open yet.",
        "Come back later; clips become public all the same.",
    ),
    "deadline": (
        "People read that this offer ends",
        "Its card said until when, and that it does not come back at its price for a while.",
        "Offer less, or wait until the moment that is named.",
    ),
    "declined": (
        "The payment was declined",
        "The bank or the processor said no. Nothing was taken and nothing was changed.",
        "Use another payment method, then ask again.",
    ),
    "desk": (
        "A creator's desk belongs to this account",
        "What is earned there, and who licensed it, would belong to nobody.",
        "Let staff give the desk to somebody else, then erase the account.",
    ),
    "downloaded": (
        "The file was downloaded",
        "Whoever has the file keeps the license, so it can't be taken back.",
        "Ask the seller for a refund, if something is wrong with it.",
    ),
    "downloads_used": (
        "This month's personal downloads are used",
        "A tier gives so many in each month that is paid.",
        "Wait for the next one, or license the clip.",
    ),
    "ended": (
        "This membership has ended",
        "Nothing of it can be changed, and nothing is charged any more.",
        "Join again, if the creator takes members.",
    ),
    "event_begun": (
        "This event has begun",
        "Seats are taken before an event, not while it lasts.",
        "Look at what is announced next.",
    ),
    "event_full": (
        "All seats of this event are taken",
        "There are as many seats as were announced and no more.",
        "Look again later: who can't come gives the seat back.",
    ),
    "event_withdrawn": (
        "This event was called off",
        "Its creator took it back.",
        "Look at what is announced next.",
    ),
    "given_up": (
        "Joining was given up",
        "The payment arrived after it was given up. All of it goes back.",
        "Join again.",
    ),
    "in_grace": (
        "The last payment was declined",
        "What is owed comes before a change.",
        "Pay it, then change.",
    ),
    "last_tier": (
        "This is the only tier that can be joined",
        "A ladder without a step takes nobody.",
        "Add another tier first, or close memberships.",
    ),
    "leaving": (
        "This membership is being left",
        "It ends with the time that is paid.",
        "Stay first, then ask again.",
    ),
    "license_revoked": (
        "Your copy of this clip was taken back",
        "Its license was revoked, so the perk gives it no second time.",
        "`detail` says why.",
    ),
    "named": (
        "There is a segment of this name",
        "A creator's segments are told apart by their names.",
        "Choose another name.",
    ),
    "no_method": (
        "No payment method is kept",
        "There is none that could be charged, changed or removed.",
        "Pay on the processor's page: it is kept there then.",
    ),
    "no_tier": (
        "No tier gives this",
        "Nobody could have what is announced.",
        "Choose a lower tier, or give the perk to one.",
    ),
    "not_a_tip": (
        "This payment can't be taken back with one click",
        "It is a membership's, and not a tip.",
        "Leave the membership, or withdraw from it.",
    ),
    "not_active": (
        "This membership is not paid for just now",
        "Only one that is active can be changed or paused.",
        "Look at its state; pay, resume or join first.",
    ),
    "not_paused": (
        "This membership is not paused",
        "There is nothing to resume.",
        "Look at its state.",
    ),
    "not_undoable": (
        "This can't be taken back with one click",
        "It was not bought with one click.",
        "Ask the seller for a refund.",
    ),
    "offer_answered": (
        "This offer was answered before",
        "An offer is taken or declined once.",
        "Buy the clip on its page instead.",
    ),
    "offer_changed": (
        "This offer can't be had like this any more",
        "A part of it is yours already, or was taken off sale. Nothing was bought.",
        "Look at the clip's offers again.",
    ),
    "offer_ended": (
        "This offer has ended",
        "Its deadline has passed, or its creator makes it no more. Nothing was bought.",
        "Look at the clip's offers again.",
    ),
    "on_trial": (
        "This tier is on test already",
        "A test has one end.",
        "End it first, or wait for its end.",
    ),
    "operator": (
        "This is the operator's account",
        "The settings of this house name it as the one that may do everything.",
        "Name another one there first.",
    ),
    "other_creator": (
        "This tier is another creator's",
        "A membership stays with its creator.",
        "Choose one of the creator's own tiers.",
    ),
    "paused": (
        "This membership is paused",
        "It gives and costs nothing meanwhile, and can't be changed.",
        "Resume it, then change.",
    ),
    "paused_before": (
        "This period was paused once",
        "What one payment paid for can be paused once, for up to three months.",
        "Wait until the next period is paid, then pause again.",
    ),
    "paying": (
        "A payment is under way",
        "What it leads to is not known yet.",
        "Ask again in a minute.",
    ),
    "retired": (
        "This tier was changed meanwhile",
        "There is a newer version, or it is not offered any more.",
        "Read the creator's tiers again.",
    ),
    "seat_taken": (
        "You have the seats that your tier gives",
        "A tier gives so many at each event.",
        "Nothing: they are yours.",
    ),
    "too_few": (
        "Too few people fit",
        "A segment of fewer than twenty would be about persons.",
        "Take out a fact, or choose a wider step.",
    ),
    "too_late": (
        "The time for this is over",
        "A withdrawal has fourteen days, taking back what was paid with one click has one.",
        "A membership can be left at any time.",
    ),
    "too_many": (
        "There are as many segments as there may be",
        "Many segments side by side would tell who people are.",
        "Close one first.",
    ),
    "too_many_tiers": (
        "There are as many tiers as there may be",
        "Nobody compares more of them.",
        "Close one first.",
    ),
    "too_near": (
        "It is too near another segment, or files that were taken before",
        "The difference would be about fewer than twenty people.",
        "Change the rule, or close the other segment. A file can be taken once more people have "
        "joined or left.",
    ),
    "trial": (
        "This membership is in its trial",
        "It costs nothing yet, so there is nothing to pause.",
        "Leave it, or wait for its first payment.",
    ),
    "trial_used": (
        "A trial is for who was not a member here before",
        "There was a trial or a membership already.",
        "Join without one.",
    ),
}
