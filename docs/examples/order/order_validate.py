"""Checks an order and adds up what it costs."""


class InvalidOrder(Exception):
    pass


def main_handler(event, context):
    if not event["items"]:
        raise InvalidOrder("The order has no items.")
    for item in event["items"]:
        if item["quantity"] < 1:
            raise InvalidOrder("The quantity of %s is below 1." % item["sku"])
    total = sum(item["quantity"] * item["price_cents"] for item in event["items"])
    return {"total_cents": total}
