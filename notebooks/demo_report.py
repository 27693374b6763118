"""What the demo measured: the report's figures and where the promise holds.

Run with `marimo edit notebooks/demo_report.py` after `make demo`.
"""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import json

    import marimo as mo

    from data.settings import read_settings

    settings = read_settings()
    path = settings.home / "demo" / "report.json"
    mo.stop(not path.is_file(), mo.md(f"No report at `{path}`: run `make demo` first."))
    report = json.loads(path.read_text())
    return mo, report, settings


@app.cell
def _(mo, report):
    shares = [
        {"figure": name, "value": v["value"], "from": v["interval"][0], "to": v["interval"][1], "n": v["n"]}
        for name, v in report.items()
        if isinstance(v, dict) and "interval" in v
    ]
    mo.vstack(
        [
            mo.md(
                "## On tickets whose texts the model has never seen\n"
                "Each share with its exact 95 % interval (Clopper and Pearson)."
            ),
            mo.ui.table(shares, selection=None),
        ]
    )


@app.cell
def _(mo, report, settings):
    from eval.bundle import load_bundle
    from eval.metrics.risk_coverage import risk_coverage
    from eval.risk import certify

    evidence = load_bundle(settings.bundles / report["bundle"]).evidence["issue_type"]
    certificate = certify(evidence.scores, evidence.correct)
    curve = risk_coverage(evidence.scores, evidence.correct)
    mo.vstack(
        [
            mo.md(
                "## Where it may act alone\n"
                "From audited tickets that training never saw: the loosest threshold whose error is proven "
                "to stay within 5 %, with 95 % confidence."
            ),
            mo.ui.table([certificate.as_dict()], selection=None),
            mo.md(f"With hindsight, 95 % precision would allow {curve.coverage_at(0.95):.0%} of tickets."),
        ]
    )


if __name__ == "__main__":
    app.run()
