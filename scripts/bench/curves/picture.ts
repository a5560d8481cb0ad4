import type { Curve } from './curve.ts'

const WIDTH = 640
const HEIGHT = 260
const MARGIN = { top: 38, right: 44, bottom: 46, left: 64 } as const
const TICKS = 4

/** An SVG of a curve: x in powers of ten, y from 0 on. Read on light and on dark ground. */
export function picture({ title, xLabel, yLabel, points }: Curve): string {
  const xs = points.map(({ x }) => Math.log10(x))
  const [low, high] = [Math.min(...xs), Math.max(...xs)]
  const step = niceStep(Math.max(...points.map(({ y }) => y)) / TICKS)
  const top = step * TICKS
  const across = (x: number) =>
    MARGIN.left + ((Math.log10(x) - low) / (high - low || 1)) * (WIDTH - MARGIN.left - MARGIN.right)
  const up = (y: number) => HEIGHT - MARGIN.bottom - (y / top) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const at = ({ x, y }: { x: number; y: number }) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`
  const rules = Array.from({ length: TICKS + 1 }, (_, i) => i * step).map(
    (y) =>
      `<line class="rule" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${up(y)}" y2="${up(y)}"/>` +
      `<text x="${MARGIN.left - 8}" y="${up(y) + 4}" text-anchor="end">${Number(y.toPrecision(3))}</text>`,
  )
  const dots = points.map(
    (point) =>
      `<circle cx="${across(point.x).toFixed(1)}" cy="${up(point.y).toFixed(1)}" r="4"/>` +
      `<text x="${across(point.x).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${point.x.toLocaleString('en')}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title { font-size: 14px; font-weight: 600 }
.rule { stroke: #8b949e; stroke-opacity: .35 }
polyline { fill: none; stroke: #2f81f7; stroke-width: 2 }
circle { fill: #2f81f7 }
@media (prefers-color-scheme: dark) { text { fill: #9198a1 } }
</style>
<text class="title" x="${MARGIN.left}" y="20">${escaped(`${title}: ${yLabel}`)}</text>
${rules.join('\n')}
<polyline points="${points.map(at).join(' ')}"/>
${dots.join('\n')}
<text x="${WIDTH - MARGIN.right}" y="${HEIGHT - 8}" text-anchor="end">${escaped(xLabel)}</text>
</svg>
`
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
