"""Sets the items aside."""


def main_handler(event, context):
    return {"reserved": [item["sku"] for item in event["items"]]}
