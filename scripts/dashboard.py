#!/usr/bin/env python3
"""Writes packaging/grafana/ringback.json, the dashboard of a running city, from the list of panels below.

    python3 scripts/dashboard.py

Every expression is held against the metrics that exist by a test of src/app/metrics. `$instance` chooses nodes.
"""
import json
import pathlib

NODE = 'instance=~"$instance"'


def rate(metric, by="", labels=""):
    inside = NODE + (", " + labels if labels else "")
    summed = f"sum by ({by}) " if by else "sum"
    return f"{summed}(rate({metric}{{{inside}}}[$__rate_interval]))"


def now(metric, by="", labels="", how="sum"):
    inside = NODE + (", " + labels if labels else "")
    return f"{how} by ({by}) ({metric}{{{inside}}})" if by else f"{how}({metric}{{{inside}}})"


def quantile(share, metric):
    return f"histogram_quantile({share}, {rate(metric + '_bucket', by='le')})"


# Title of the row, then panels: title, unit, and expressions with what they are called in the legend.
ROWS = [
    ("Callers now", [
        ("Calls that are on", "short", [(now("ringback_calls"), "calls"), (now("ringback_web_calls"), "from the web page")]),
        ("In the line", "short", [(now("ringback_queue_waiting", "queue"), "{{queue}}")]),
        ("Longest wait", "s", [(now("ringback_queue_longest_wait_seconds", "queue", how="max"), "{{queue}}")]),
        ("Operators", "short", [(now("ringback_operators", "status"), "{{status}}")]),
        ("To be rung back", "short", [(now("ringback_queue_callbacks_waiting", "queue"), "{{queue}}")]),
        ("Surge", "short", [(now("ringback_queue_surge", "queue", how="max"), "{{queue}}")]),
    ]),
    ("How calls go", [
        ("Calls a second", "cps", [
            (rate("ringback_calls_offered_total"), "offered"),
            (rate("ringback_calls_answered_total"), "answered"),
        ]),
        ("Ended by", "cps", [(rate("ringback_calls_ended_total", "termination"), "{{termination}}")]),
        ("Refused", "cps", [(rate("ringback_sip_refusals_total", "reason"), "{{reason}}")]),
        ("Wait until an operator", "s", [
            (quantile("0.5", "ringback_queue_wait_seconds"), "half of the callers"),
            (quantile("0.95", "ringback_queue_wait_seconds"), "95 of 100"),
        ]),
        ("Connected within 20 s", "percentunit", [(
            rate("ringback_queue_wait_seconds_bucket", labels='le="20"') + " / " + rate("ringback_queue_wait_seconds_count"),
            "share",
        )]),
        ("Talk", "s", [
            (quantile("0.5", "ringback_talk_seconds"), "half of the talks"),
            (quantile("0.95", "ringback_talk_seconds"), "95 of 100"),
        ]),
        ("Rung back", "cps", [(rate("ringback_callbacks_total", "outcome"), "{{outcome}}")]),
        ("Asked whether it is fixed", "cps", [(rate("ringback_verifications_total", "outcome"), "{{outcome}}")]),
    ]),
    ("Lines out of the city", [
        ("Trunks that answer", "short", [(now("ringback_trunk_up", "trunk", how="min"), "{{trunk}}")]),
        ("Registered at the provider", "short", [(now("ringback_trunk_registered", "trunk", how="min"), "{{trunk}}")]),
        ("Calls on trunks", "short", [(now("ringback_trunk_calls", "trunk"), "{{trunk}}")]),
        ("Turned away by a trunk's limits", "cps", [
            (rate("ringback_trunk_refusals_total", "trunk, reason"), "{{trunk}} {{reason}}"),
        ]),
    ]),
    ("Sound and recordings", [
        ("Packets a second, of calls that ended", "pps", [(rate("ringback_rtp_packets_total", "fate"), "{{fate}}")]),
        ("Packets not used", "pps", [(rate("ringback_rtp_dropped_total", "reason"), "{{reason}}")]),
        ("Recordings", "cps", [(rate("ringback_recordings_total", "result"), "{{result}}")]),
        ("Gaps in recordings", "cps", [(rate("ringback_recording_gaps_total", "reason"), "{{reason}}")]),
        ("Cannot record, too much sound", "short", [
            (now("ringback_recording_impaired", how="max"), "cannot record"),
            (now("ringback_media_overloaded", how="max"), "too much sound"),
        ]),
        ("Not encrypted", "short", [(now("ringback_recordings_left_plain"), "recordings")]),
    ]),
    ("Signalling and database", [
        ("Set-up of calls", "s", [
            (quantile("0.5", "ringback_call_set_up_seconds"), "half of the calls"),
            (quantile("0.95", "ringback_call_set_up_seconds"), "95 of 100"),
            (quantile("0.99", "ringback_call_set_up_seconds"), "99 of 100"),
        ]),
        ("Changes on their way to the database", "short", [(now("ringback_store_changes_waiting"), "waiting")]),
        ("Database in trouble", "cps", [
            (rate("ringback_store_changes_retried_total"), "tried again"),
            (rate("ringback_store_changes_lost_total"), "lost"),
            (rate("ringback_commits_failed_total"), "calls refused for it"),
        ]),
        ("Lost on sockets", "pps", [
            (rate("ringback_sip_arrivals_dropped_total"), "arrivals"),
            (rate("ringback_sip_sends_dropped_total"), "sends: full buffer"),
            (rate("ringback_sip_sends_failed_total"), "sends: failed"),
        ]),
        ("Wrong passwords and scanners", "cps", [
            (rate("ringback_sip_digest_total", "outcome"), "{{outcome}}"),
            (rate("ringback_sip_unheard_total", "reason"), "unheard: {{reason}}"),
        ]),
        ("Letters and messages", "cps", [
            (rate("ringback_notifications_taken_total", "channel"), "{{channel}} taken"),
            (rate("ringback_notifications_attempts_failed_total", "channel"), "{{channel}} failed"),
        ]),
    ]),
]

SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT, ACROSS = 8, 7, 24


def panels():
    identity, top = 0, 0
    for title, row in ROWS:
        identity += 1
        yield {"id": identity, "type": "row", "title": title, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": top, "w": ACROSS, "h": 1}}
        top += 1
        for place, (name, unit, targets) in enumerate(row):
            identity += 1
            column = place * WIDTH % ACROSS
            yield {
                "id": identity,
                "type": "timeseries",
                "title": name,
                "datasource": SOURCE,
                "gridPos": {"x": column, "y": top + place * WIDTH // ACROSS * HEIGHT, "w": WIDTH, "h": HEIGHT},
                "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
                "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
                "targets": [
                    {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
                    for index, (expression, legend) in enumerate(targets)
                ],
            }
        top += -(-len(row) * WIDTH // ACROSS) * HEIGHT


def variable(name, label, **more):
    return {"name": name, "label": label, "hide": 0, **more}


DASHBOARD = {
    "uid": "ringback-city",
    "title": "Ringback: the city's calls",
    "tags": ["ringback"],
    "schemaVersion": 39,
    "editable": True,
    "refresh": "15s",
    "time": {"from": "now-6h", "to": "now"},
    "timezone": "",
    "templating": {"list": [
        variable("source", "Prometheus", type="datasource", query="prometheus"),
        variable("instance", "Node", type="query", datasource=SOURCE, query="label_values(ringback_calls, instance)",
                 refresh=2, multi=True, includeAll=True, current={"text": "All", "value": "$__all"}),
    ]},
    "panels": list(panels()),
}

if __name__ == "__main__":
    target = pathlib.Path(__file__).resolve().parent.parent / "packaging" / "grafana" / "ringback.json"
    target.write_text(json.dumps(DASHBOARD, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
