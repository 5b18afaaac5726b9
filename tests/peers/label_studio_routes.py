"""Tells the routes of the installed Label Studio, from its own URL resolver: run by its own Python, no server needed.

Standard input: paths, one a line. Standard output, as JSON:
  routes    of each pattern: a template, the methods that its view takes (null: every one), the view's name, and per method the
            members of its body that name another row of the database
  actions   the bulk actions of the Data Manager
  resolved  of each path that was asked: the template that it resolves to, or null
"""
import json
import os
import re
import sys
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ.update(
    LABEL_STUDIO_BASE_DATA_DIR=folder.name, SECRET_KEY="of nothing", SENTRY_DSN="", FRONTEND_SENTRY_DSN="",
    COLLECT_ANALYTICS="false", LATEST_VERSION_CHECK="false", DJANGO_SETTINGS_MODULE="core.settings.label_studio",
)
import label_studio

sys.path.insert(0, os.path.dirname(label_studio.__file__))
import django

django.setup()
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.urls import Resolver404, URLPattern, get_resolver
from django.urls.resolvers import URLResolver
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

WRITES = ("post", "put", "patch")


def join(before, pattern):
    """As Django writes the route of a match."""
    return URLResolver._join_route(before, str(pattern))


def template(route):
    """The route as an address: `<int:pk>` and `<pk>` stand for parts."""
    text = re.sub(r"\(\?P(<\w+>)[^()]*\)\??", r"\1", route)
    return "/" + text.strip("^").removesuffix("$").replace("/?", "").replace("\\", "")


def methods(view):
    """Those of a class, of a set of views the ones that its routes name; a mere function takes every method."""
    of = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if of is None:
        return None
    actions = getattr(view, "actions", None)
    known = actions or [name for name in of.http_method_names if hasattr(of, name)]
    return sorted(name.upper() for name in known if name in of.http_method_names)


def relations(serializer):
    if isinstance(serializer, serializers.ListSerializer):
        serializer = serializer.child
    names = []
    for name, field in serializer.fields.items():
        related = isinstance(field, (serializers.RelatedField, serializers.ManyRelatedField))
        if not field.read_only and (related or isinstance(field, serializers.ModelSerializer)):
            names.append(name)
    return names


def members(view, method):
    """The members of a body that name other rows, as the view's serializer has them; null where it has none."""
    of = getattr(view, "view_class", None) or getattr(view, "cls", None)
    actions = getattr(view, "actions", None)
    if not hasattr(of, "get_serializer_class"):
        return None
    instance = of(**view.initkwargs)
    request = Request(getattr(APIRequestFactory(), method)("/", {}, format="json"))
    request.user, request._auth = AnonymousUser(), None
    instance.request, instance.format_kwarg, instance.kwargs, instance.args = request, None, {"pk": 1}, ()
    instance.action = actions.get(method) if actions else None
    try:
        serializer = instance.get_serializer_class()
    except AssertionError:
        return None
    return relations(serializer(context={"request": request, "view": instance}))


def walk(patterns, before):
    for pattern in patterns:
        route = join(before, pattern.pattern)
        if isinstance(pattern, URLPattern):
            view = pattern.callback
            of = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
            taken = methods(view)
            told = [name for name in WRITES if taken and name.upper() in taken]
            yield {
                "template": template(route),
                "methods": taken,
                "view": f"{of.__module__}.{of.__qualname__}",
                "members": {name.upper(): members(view, name) for name in told},
            }
        else:
            yield from walk(pattern.url_patterns, route)


def resolved(path):
    try:
        return template(get_resolver().resolve(path).route)
    except Resolver404:
        return None


asked = [line.rstrip("\n") for line in sys.stdin]
answer = {
    "routes": list(walk(get_resolver().url_patterns, "")),
    "actions": sorted(settings.DATA_MANAGER_ACTIONS),
    "resolved": {path: resolved(path) for path in asked},
}
print(json.dumps(answer, ensure_ascii=False))
