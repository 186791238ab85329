"""Tables and the plot."""

import statistics


def table(rows, results, size):
    floor = statistics.median(it["seconds"] for it in results.get("floor", [{"seconds": float("nan")}]))
    lines = [
        f"### {rows:,} files, {size / 1e6:.0f} MB",
        "",
        "| what is done | seconds | spread | ratio to floor | processor | peak memory, MB | written, MB | peak disk, MB | final file, MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in results.items():
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        times = [run["seconds"] for run in runs]
        lines.append(
            f"| {name} | {middle['seconds']:.2f} | {min(times):.2f} to {max(times):.2f} | {middle['seconds'] / floor:.2f} "
            f"| {middle['processor']:.2f} | {middle['memory']:.0f} | {middle['written']:.0f} | {middle['peak']:.0f} | {middle['final']:.0f} |"
        )
        for key in middle:
            if key.startswith("stage "):
                lines.append(f"| … {key[6:]} | {middle[key]:.2f} | | {middle[key] / floor:.2f} | | | | | |")
    return "\n".join(lines) + "\n"


COLOURS = ["#000000", "#c0392b", "#e67e22", "#8e44ad", "#2980b9", "#16a085", "#27ae60", "#7f8c8d", "#d4ac0d", "#5d6d7e"]


def plot(medians):
    """Draws seconds over rows, both on logarithmic scales, as SVG: {name: {rows: seconds}}."""
    from math import ceil, floor, log10

    rows = sorted({it for points in medians.values() for it in points})
    times = [it for points in medians.values() for it in points.values()]
    left, right = floor(log10(rows[0])), ceil(log10(rows[-1]))
    low, high = floor(log10(min(times))), ceil(log10(max(times)))
    across = lambda count: 60 + 500 * (log10(count) - left) / max(right - left, 1)
    up = lambda seconds: 380 - 350 * (log10(seconds) - low) / max(high - low, 1)
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 420" font-family="sans-serif" font-size="12">',
             '<rect width="860" height="420" fill="white"/>']
    for power in range(left, right + 1):
        x = across(10**power)
        lines.append(f'<path d="M{x:.0f} 30V380" stroke="#ddd"/><text x="{x:.0f}" y="398" text-anchor="middle">{10**power:,}</text>')
    for power in range(low, high + 1):
        y = up(10**power)
        lines.append(f'<path d="M60 {y:.0f}H560" stroke="#ddd"/><text x="54" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>')
    lines.append('<text x="310" y="414" text-anchor="middle">files in the catalogue</text>')
    for number, (name, points) in enumerate(medians.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across(count):.1f},{up(points[count]):.1f}" for count in sorted(points))
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'<circle cx="{across(it):.1f}" cy="{up(points[it]):.1f}" r="3" fill="{colour}"/>' for it in points]
        y = 40 + 18 * number
        lines.append(f'<path d="M580 {y}h20" stroke="{colour}" stroke-width="2"/><text x="606" y="{y + 4}">{name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
