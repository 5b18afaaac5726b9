"""Label Studio's own SDK, unchanged, with a token of the gateway's as its API key: a table of calls, each with what must
come of it. `sdk.py manager` makes a project; `sdk.py annotator` works in it; `sdk.py drop` deletes it; `sdk.py legacy` does
a round with the older client. Ends with 1 when anything came out otherwise."""

import json
import os
import sys

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk._legacy import Client
from label_studio_sdk.core.api_error import ApiError

URL, KEY, BUCKET = (os.environ[name] for name in ("GATEWAY", "KEY", "BUCKET"))
CONFIG = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">
<Label value="Cat"/></RectangleLabels></View>"""
BOX = [{
    "from_name": "label", "to_name": "image", "type": "rectanglelabels",
    "value": {"x": 10, "y": 10, "width": 30, "height": 30, "rotation": 0, "rectanglelabels": ["Cat"]},
}]
OK = "ok"


class Odd(Exception):
    """An answer that is not what it should be."""


def must(fact, what):
    if not fact:
        raise Odd(what)


def no_place(value):
    """No raw location in it, by whatever way it is written."""
    text = value if isinstance(value, str) else json.dumps(value, default=lambda one: getattr(one, "__dict__", str(one)))
    for word in (BUCKET, "s3:", "czM6", "X-Amz"):
        must(word not in text, f"{word} in {text[:300]}")
    return value


def outcome(call):
    try:
        call()
        return OK
    except ApiError as error:
        return error.status_code
    except httpx.HTTPStatusError as error:
        return error.response.status_code
    except Odd as error:
        return f"odd: {error}"


def run(rows):
    wrong = 0
    for name, expected, call in rows:
        got = outcome(call)
        wrong += got != expected
        print(f"{'' if got == expected else 'WRONG ':6}{name:44} {got}" + ("" if got == expected else f", not {expected}"))
    return 1 if wrong else 0


def kept(state, key, value):
    state[key] = value
    return value


def data_of(task):
    return task.data if isinstance(task.data, dict) else dict(task.data)


def uri(number):
    return f"s3://{BUCKET}/sdk/{number}.png"


def manager(ls):
    made = {}

    def pages():
        seen = [task.id for task in ls.tasks.list(project=made["project"], page_size=10, fields="all")]
        must(len(seen) == 25 and len(set(seen)) == 25, f"{len(seen)} tasks over 3 pages")
        made["tasks"] = seen

    def projects():
        seen = [project.id for project in ls.projects.list(page_size=1)]
        must(made["project"] in seen and len(seen) == len(set(seen)), f"{seen}")

    def task():
        found = ls.tasks.get(id=made["tasks"][0])
        handle = data_of(no_place(found))["image"]
        must(handle.startswith("/-/m/"), handle)
        made["handle"] = handle

    def round_trip():
        # What was read is written back: a handle is what it stands for.
        ls.tasks.update(id=made["tasks"][1], data={"image": made["handle"], "note": "moved"})
        must(data_of(ls.tasks.get(id=made["tasks"][1]))["note"] == "moved", "the change")

    def snapshot():
        export = kept(made, "export", ls.projects.exports.create(id=made["project"], title="all").id)
        must(ls.projects.exports.get(id=made["project"], export_pk=export).status == "completed", "the snapshot")

    def download():
        chunks = ls.projects.exports.download(id=made["project"], export_pk=made["export"], export_type="JSON")
        no_place(b"".join(chunks).decode())

    def sync(kind):
        chunks = ls.projects.exports.download_sync(id=made["project"], export_type=kind, download_all_tasks=True)
        no_place(b"".join(chunks).decode())

    project = lambda: made["project"]
    rows = [
        ("versions.get", OK, lambda: ls.versions.get()),
        ("users.whoami", OK, lambda: ls.users.whoami()),
        ("users.list", OK, lambda: ls.users.list()),
        ("projects.create", OK, lambda: kept(made, "project", ls.projects.create(title="By the SDK", label_config=CONFIG).id)),
        ("projects.list, page by page", OK, projects),
        ("projects.get", OK, lambda: no_place(ls.projects.get(id=project()))),
        ("projects.update", OK, lambda: ls.projects.update(id=project(), title="Still by the SDK")),
        ("projects.validate_label_config", OK, lambda: ls.projects.validate_label_config(id=project(), label_config=CONFIG)),
        ("projects.import_tasks", OK, lambda: must(
            ls.projects.import_tasks(id=project(), request=[{"image": uri(n)} for n in range(24)]).task_count == 24, "24 tasks")),
        ("tasks.create", OK, lambda: no_place(ls.tasks.create(project=project(), data={"image": uri(24)}))),
        ("tasks.list, 3 pages", OK, pages),
        ("tasks.get", OK, task),
        ("tasks.update with a handle", OK, round_trip),
        ("annotations.create", OK, lambda: kept(made, "annotation", ls.annotations.create(id=made["tasks"][0], result=BOX).id)),
        ("annotations.list", OK, lambda: must(len(ls.annotations.list(id=made["tasks"][0])) == 1, "one annotation")),
        ("annotations.get", OK, lambda: ls.annotations.get(id=made["annotation"])),
        ("annotations.update", OK, lambda: ls.annotations.update(id=made["annotation"], result=BOX, was_cancelled=False)),
        ("predictions.create", OK, lambda: kept(made, "prediction", ls.predictions.create(task=made["tasks"][1], result=BOX, score=0.5).id)),
        ("predictions.get", OK, lambda: ls.predictions.get(id=made["prediction"])),
        ("predictions.list of a project", OK, lambda: must(len(ls.predictions.list(project=project())) == 1, "one prediction")),
        ("predictions.delete", OK, lambda: ls.predictions.delete(id=made["prediction"])),
        ("views.create", OK, lambda: kept(made, "tab", ls.views.create(project=project(), data={"title": "All"}).id)),
        ("views.list", OK, lambda: must(len(ls.views.list(project=project())) == 1, "one tab")),
        ("views.update", OK, lambda: ls.views.update(id=made["tab"], project=project(), data={"title": "Each"})),
        ("actions.list", OK, lambda: ls.actions.list(project=project())),
        ("webhooks.list", OK, lambda: must(ls.webhooks.list(project=str(project())) == [], "no webhook")),
        ("import_storage.s3.list", OK, lambda: must(ls.import_storage.s3.list(project=project()) == [], "no storage")),
        ("files.list", OK, lambda: ls.files.list(id=project())),
        ("projects.exports.list_formats", OK, lambda: ls.projects.exports.list_formats(id=project())),
        ("projects.exports.as_json", OK, lambda: must(len(no_place(ls.projects.exports.as_json(project()))) == 25, "25 tasks")),
        ("projects.exports.download_sync, JSON", OK, lambda: sync("JSON")),
        ("projects.exports.download_sync, CSV", OK, lambda: sync("CSV")),
        ("projects.exports.create", OK, snapshot),
        ("projects.exports.list", OK, lambda: must(len(ls.projects.exports.list(id=project())) == 1, "one snapshot")),
        ("projects.exports.download", OK, download),
        ("projects.exports.delete", OK, lambda: ls.projects.exports.delete(id=project(), export_pk=made["export"])),
        ("tasks.delete", OK, lambda: ls.tasks.delete(id=made["tasks"][24])),
        # Nobody's, whoever asks: members and tokens are the gateway's.
        ("tokens.create", 404, lambda: ls.tokens.create()),
        ("organizations.reset_token", 404, lambda: ls.organizations.reset_token()),
        ("users.create", 404, lambda: ls.users.create(email="x@example.com", username="x")),
    ]
    status = run(rows)
    print("project", made.get("project"))
    print("task", made.get("tasks", [None])[0])
    print("annotation", made.get("annotation"))
    return status


def annotator(ls):
    project, task, foreign = int(os.environ["PROJECT"]), int(os.environ["TASK"]), int(os.environ["ANNOTATION"])
    elsewhere, their_task = int(os.environ["ELSEWHERE"]), int(os.environ["THEIR_TASK"])
    made = {}

    def media():
        handle = data_of(no_place(ls.tasks.get(id=task)))["image"]
        answer = httpx.get(URL + handle, headers={"authorization": f"Token {KEY}"})
        must(answer.status_code == 200 and answer.content.startswith(b"\x89PNG"), f"{answer.status_code}")

    rows = [
        ("users.whoami", OK, lambda: ls.users.whoami()),
        ("projects.list", OK, lambda: must([one.id for one in ls.projects.list()] == [project], "his project alone")),
        ("projects.get", OK, lambda: no_place(ls.projects.get(id=project))),
        ("tasks.list, 3 pages", OK, lambda: must(
            len([no_place(one) for one in ls.tasks.list(project=project, page_size=10, fields="all")]) == 24, "24 tasks")),
        ("tasks.get, and its image", OK, media),
        ("annotations.create", OK, lambda: kept(made, "own", ls.annotations.create(id=task, result=BOX).id)),
        ("annotations.list", OK, lambda: must(len(ls.annotations.list(id=task)) == 2, "two annotations")),
        ("annotations.update, one's own", OK, lambda: ls.annotations.update(id=made["own"], result=BOX)),
        ("annotations.update, another's", 403, lambda: ls.annotations.update(id=foreign, result=[])),
        ("annotations.delete, another's", 403, lambda: ls.annotations.delete(id=foreign)),
        ("annotations.update into a foreign task", 404, lambda: ls.annotations.update(id=made["own"], task=their_task)),
        ("annotations.delete, one's own", OK, lambda: ls.annotations.delete(id=made["own"])),
        ("predictions.list", OK, lambda: ls.predictions.list(project=project)),
        ("predictions.create", 403, lambda: ls.predictions.create(task=task, result=BOX)),
        ("views.list", OK, lambda: ls.views.list(project=project)),
        ("views.create", OK, lambda: kept(made, "tab", ls.views.create(project=project, data={"title": "Mine"}).id)),
        ("views.update, one's own", OK, lambda: ls.views.update(id=made["tab"], project=project, data={"title": "My"})),
        ("views.delete, one's own", OK, lambda: ls.views.delete(id=made["tab"])),
        ("views.delete_all", 403, lambda: ls.views.delete_all(project=project)),
        ("projects.create", 403, lambda: ls.projects.create(title="No")),
        ("projects.update", 403, lambda: ls.projects.update(id=project, title="No")),
        ("projects.delete", 403, lambda: ls.projects.delete(id=project)),
        ("projects.import_tasks", 403, lambda: ls.projects.import_tasks(id=project, request=[{"image": uri(0)}])),
        ("tasks.create", 403, lambda: ls.tasks.create(project=project, data={"image": uri(0)})),
        ("tasks.update", 403, lambda: ls.tasks.update(id=task, data={"image": uri(1)})),
        ("tasks.delete", 403, lambda: ls.tasks.delete(id=task)),
        ("tasks.delete_all_tasks", 403, lambda: ls.tasks.delete_all_tasks(id=project)),
        ("actions.create delete_tasks", 403, lambda: ls.actions.create(id="delete_tasks", project=project, selected_items={"all": True, "excluded": []})),
        ("projects.exports.as_json", 403, lambda: ls.projects.exports.as_json(project)),
        ("projects.exports.create", 403, lambda: ls.projects.exports.create(id=project)),
        ("import_storage.s3.list", 403, lambda: ls.import_storage.s3.list(project=project)),
        ("import_storage.s3.create", 403, lambda: ls.import_storage.s3.create(project=project, bucket=BUCKET)),
        ("webhooks.list", 403, lambda: ls.webhooks.list(project=str(project))),
        ("files.list", 403, lambda: ls.files.list(id=project)),
        ("organizations.list", 403, lambda: ls.organizations.list()),
        # Another project does not exist for him.
        ("projects.get, foreign", 404, lambda: ls.projects.get(id=elsewhere)),
        ("tasks.list, foreign", 404, lambda: list(ls.tasks.list(project=elsewhere))),
        ("tasks.get, foreign", 404, lambda: ls.tasks.get(id=their_task)),
        ("annotations.create, foreign", 404, lambda: ls.annotations.create(id=their_task, result=BOX)),
        ("projects.exports.as_json, foreign", 404, lambda: ls.projects.exports.as_json(elsewhere)),
    ]
    return run(rows)


def legacy(_ls):
    """The client of before 1.0, which speaks by `requests` and says `Token`."""
    client = Client(url=URL, api_key=KEY)
    project = client.get_project(int(os.environ["PROJECT"]))
    rows = [
        ("get_versions", OK, lambda: must(client.get_versions()["release"].startswith("1.23"), "the release")),
        ("list_projects", OK, lambda: must(project.id in [one.id for one in client.list_projects()], "the project")),
        ("get_tasks", OK, lambda: must(len(no_place(project.get_tasks())) == 24, "24 tasks")),
        ("get_paginated_tasks", OK, lambda: must(
            len(no_place(project.get_paginated_tasks(page=3, page_size=10)["tasks"])) == 4, "4 tasks on the third page")),
        ("get_users", OK, lambda: client.get_users()),
    ]
    return run(rows)


def drop(ls):
    return run([("projects.delete", OK, lambda: ls.projects.delete(id=int(os.environ["PROJECT"])))])


if __name__ == "__main__":
    part = {"manager": manager, "annotator": annotator, "legacy": legacy, "drop": drop}[sys.argv[1]]
    sys.exit(part(LabelStudio(base_url=URL, api_key=KEY)))
