"""What a refusal's `code` means: one row for each code, for the pages that explain problems."""

from catalog.member_refusals import MEMBERS

REFUSALS = {
    **MEMBERS,
    "already_licensed": (
        "Others licensed this clip",
        "You want it for yourself alone, but others already have it in these media and places.",
        "Take it from `next_free_ms` on, in other media or places, or without exclusivity.",
    ),
    "cart_empty": (
        "The cart is empty",
        "There is nothing to order.",
        "Put a quote in it first.",
    ),
    "cart_full": (
        "The cart is full",
        "A cart holds so many clips and no more.",
        "Pay for these, then go on.",
    ),
    "early_access": (
        "This clip is in early access",
        "Members see it before others do. Nobody may license it yet.",
        "Come back at `next_free_ms`.",
    ),
    "embargoed": (
        "This clip is under embargo",
        "It may not be used in these media and places before a date.",
        "Take it from `next_free_ms` on, or elsewhere.",
    ),
    "exclusive_sold": (
        "Somebody else has this clip for themselves",
        "An exclusive license holds in these media and places.",
        "Take it from `next_free_ms` on, where that is told, or in other media or places.",
    ),
    "hook_off": (
        "This webhook is off",
        "It was switched off, by hand or because it failed for too long.",
        "Switch it on, then ask again.",
    ),
    "lightbox_full": (
        "The lightbox is full",
        "A lightbox holds so many clips and no more.",
        "Take some out, or make another one.",
    ),
    "no_price": (
        "This license has no price just now",
        "The seller offers the clip, but not in this way.",
        "Choose another license, or ask for terms of your own.",
    ),
    "no_title": (
        "This clip has no title",
        "Its title had no letter in it.",
        "Write a few words.",
    ),
    "not_free": (
        "This license has a price",
        "Only what costs nothing is granted without an order.",
        "Order the quote, and pay.",
    ),
    "not_on_sale": (
        "This clip is no longer on sale",
        "It was withdrawn after the quote was made.",
        "Look for a similar clip; nothing was charged.",
    ),
    "not_orderable": (
        "This can't be ordered",
        "One of the lines in the cart is not valid any more.",
        "Read `detail`, and take that line out.",
    ),
    "not_over": (
        "This order is not over",
        "Only what was cancelled or refunded can be put back in the cart.",
        "Pay or cancel it first.",
    ),
    "not_paid": (
        "This order is not paid",
        "Nothing is left to refund.",
        "Look at the order's state; a refund may have been made already.",
    ),
    "not_that_much": (
        "It can't have been that much",
        "No more than its price can have gone back for one license.",
        "Take the amount that went back, or less.",
    ),
    "nothing_here": (
        "There is no such money here",
        "What came in for this order has gone back, or is on its way.",
        "Look at the order's payments in the ledger.",
    ),
    "nothing_left": (
        "None of these clips can be bought any more",
        "All lines of the old order are expired, sold or withdrawn.",
        "Ask for new quotes on the clips' pages.",
    ),
    "nothing_paid": (
        "Nothing was paid for this order",
        "There is no payment that could be given back.",
        "Cancel the order instead.",
    ),
    "on_hold": (
        "Somebody else is paying for this clip just now",
        "While they pay, the clip is kept for them, for ten minutes at most.",
        "Try again at `next_free_ms`.",
    ),
    "order_size": (
        "An order has too few or too many quotes",
        "There is a least and a most to one order.",
        "Order in several parts.",
    ),
    "other_currency": (
        "One order has one currency",
        "The quotes have prices in different currencies.",
        "Order them apart.",
    ),
    "own_lines": (
        "Two rights in this order exclude each other",
        "One of them is exclusive, and the other one would break it.",
        "Take one of them out of the cart.",
    ),
    "pool_closed": (
        "This pool is closed",
        "It takes no clips and no partners any more; its feeds answer what was in it.",
        "Make another pool.",
    ),
    "price_changed": (
        "The price was changed just now",
        "Somebody else changed it while you did.",
        "Read it again, then send your change.",
    ),
    "quote_asked": (
        "The creator has not answered yet",
        "Other terms were asked for, so the quote has no price for now.",
        "Wait for the answer, or withdraw what you asked for.",
    ),
    "quote_countered": (
        "The creator made an offer",
        "The quote waits for your answer.",
        "Accept or decline it first.",
    ),
    "quote_declined": (
        "This quote was declined",
        "Nothing more can be done with it.",
        "Ask for a new one.",
    ),
    "quote_expired": (
        "This quote has expired",
        "A price is good until a date, and that has passed.",
        "Ask for a new quote; the price may be another one.",
    ),
    "quote_open": (
        "This quote is open",
        "It has a price that can be ordered, so there is nothing to answer.",
        "Order it, or ask for other terms.",
    ),
    "quote_ordered": (
        "This quote was ordered",
        "A quote is ordered once.",
        "Look at your orders, or ask for a new quote.",
    ),
    "quote_used": (
        "This quote was used before",
        "A quote is good for one license.",
        "Ask for a new one.",
    ),
    "refunded": (
        "This was refunded already",
        "The money went back, or is on its way.",
        "Look at the order: it says when, and how much.",
    ),
    "release_needed": (
        "The people in this clip gave no release",
        "This license needs cleared releases of the people and places shown.",
        "Choose an editorial license, or another clip.",
    ),
    "still_trying": (
        "This message is still being tried",
        "It was not given up: the next try comes by itself.",
        "Wait for it; the log says when it is due.",
    ),
    "tag_long": (
        "A tag is too long",
        "There is a most to one tag.",
        "Shorten it, or make two of it.",
    ),
    "tags_many": (
        "There are too many tags",
        "There is a most to one clip.",
        "Keep those that people would search for.",
    ),
    "title_long": (
        "The title is too long",
        "There is a most that cards and players can show.",
        "Shorten it.",
    ),
    "too_many_hooks": (
        "These are the most webhooks",
        "A pool has so many and no more.",
        "Switch one off first.",
    ),
    "too_many_lightboxes": (
        "These are the most lightboxes",
        "An account has so many and no more.",
        "Delete one first.",
    ),
    "too_many_searches": (
        "These are the most saved searches",
        "An account has so many and no more.",
        "Delete one first.",
    ),
    "unknown_payment": (
        "The sandbox knows no such payment",
        "The payment's id is mistyped, or it belongs to another trial.",
        "Start again from the order.",
    ),
}
