def main_handler(event, context):
    return sum(event["values"])
