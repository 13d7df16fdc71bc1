import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { verdicts } from '../series/performance-table.js'
import type { RunRecord } from '../series/run-record.js'
import { chartsOf } from './charts.js'
import { courseCharts } from './course-charts.js'
import { htmlText, scriptJson } from './html-text.js'
import { runsTable } from './runs-table.js'
import { type Section, sections } from './sections.js'
import { verdictTable } from './verdict-table.js'

const require = createRequire(import.meta.url)

const STYLE = `
body { font: 14px/1.45 system-ui, sans-serif; color: #222; margin: 2em auto; max-width: 1500px; padding: 0 1.5em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2.5em; border-top: 1px solid #ccc; padding-top: 1em }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 1.5em; margin: 1em 0 }
.chart { height: 320px; position: relative }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { border: 1px solid #ddd; padding: 0.2em 0.6em; text-align: right }
th { background: #f4f4f4; font-weight: 600 }
.verdicts td, .runs td:last-child { text-align: left }
.runs td { white-space: nowrap }
.good { color: #1c6b2c } .bad { color: #b00020; font-weight: 600 }`

/** What the browser does: every chart is plain data by then. */
const SCRIPT = `
const charts = JSON.parse(document.getElementById('charts').textContent)
Chart.defaults.plugins.tooltip.callbacks.label = ({ raw, dataset }) => [dataset.label, ...raw.note.split(': ')]
Chart.defaults.plugins.legend.labels.boxWidth = 24
charts.forEach((config, i) => new Chart(document.getElementById('chart-' + i), config))`

/** Nothing that the page could load from anywhere: it holds all that it needs. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

/** A page of its own: charts, figures, options and verification of all runs, and the runs themselves as data. */
export function reportPage(runs: readonly RunRecord[]): string {
  const all = sections(runs).map((section) => ({ section, charts: [...chartsOf(section), ...courseCharts(section)] }))
  let next = 0
  const bodies = all.map(({ section, charts }) =>
    sectionHtml(
      section,
      charts.map(() => next++),
    ),
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>shardpaxos: benchmark</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Benchmark: ${runs.length} runs</h1>
${machines(runs)}
${verdictTable(verdicts(runs))}
${bodies.join('\n')}
<script type="application/json" id="runs">${scriptJson(runs)}</script>
<script type="application/json" id="charts">${scriptJson(all.flatMap(({ charts }) => charts))}</script>
<script>${chartLibrary()}</script>
<script>${SCRIPT}</script>
</body>
</html>
`
}

function sectionHtml(section: Section, ids: readonly number[]): string {
  const charts = ids.map((id) => `<div class="chart"><canvas id="chart-${id}"></canvas></div>`).join('\n')
  return `<h2>${htmlText(section.title)}</h2>
<p>${htmlText(commonOptions(section))}</p>
<div class="charts">\n${charts}\n</div>
<div class="wide">${runsTable(section)}</div>`
}

/** What is the same in all runs of the section. */
function commonOptions({ runs, varied }: Section): string {
  const common = Object.entries(runs[0]!.options).filter(
    ([name, value]) => value !== undefined && !varied.some((other) => other === name),
  )
  return `In all of them: ${common.map(([name, value]) => `${name} ${value}`).join(', ')}.`
}

function machines(runs: readonly RunRecord[]): string {
  const lines = runs.map(({ machine: { cpu, cores, memoryGigabytes, system, node } }) => {
    return `${cpu}, ${cores} cores, ${memoryGigabytes} GB, ${system}, Node.js ${node}`
  })
  const [first, last] = [runs[0], runs.at(-1)]
  const between = first === undefined ? '' : ` From ${first.at} to ${last!.at}.`
  return `<p>${[...new Set(lines)].map(htmlText).join('<br>')}.${between}</p>`
}

/** The whole library, as it comes: no tag of it may end the element that it stands in. */
function chartLibrary(): string {
  return readFileSync(join(dirname(require.resolve('chart.js')), 'chart.umd.min.js'), 'utf8')
    .replaceAll('</script', '<\\/script')
    .replace(/\/\/# sourceMappingURL=.*$/m, '')
}
