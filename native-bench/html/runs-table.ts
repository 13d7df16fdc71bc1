import { whole } from '../measure.js'
import { type OptionName, shareOfFloor } from '../series/configurations.js'
import type { RunRecord } from '../series/run-record.js'
import { htmlText } from './html-text.js'
import type { Section } from './sections.js'

type Column = readonly [name: string, cell: (run: RunRecord) => string]

const COLUMNS: readonly Column[] = [
  ['commands/s', ({ figures }) => whole(figures.commandsPerSecond)],
  ['reads/s', ({ figures }) => (figures.reads > 0 ? whole(figures.readsPerSecond) : '')],
  ['p50 ms', ({ figures }) => figures.latencyMs.p50.toFixed(2)],
  ['p99 ms', ({ figures }) => figures.latencyMs.p99.toFixed(2)],
  ['max ms', ({ figures }) => figures.latencyMs.max.toFixed(1)],
  ['read p99 ms', ({ figures }) => figures.readLatencyMs?.p99.toFixed(2) ?? ''],
  ['commits/s', ({ figures }) => whole(figures.durableCommitsPerSecond)],
  ['commands per instance', ({ figures }) => figures.commandsPerInstance.toFixed(1)],
  ['µs of CPU per command', ({ figures }) => figures.cpuMicrosPerCommand.toFixed(2)],
  ['largest node, MB', ({ figures }) => whole(Math.max(...figures.processes.map((one) => one.rssMegabytes)))],
  ['errors', ({ figures }) => String(figures.errors)],
  ['missed', ({ figures }) => (figures.lateMs === undefined ? '' : whole(figures.missed))],
  ['load before', ({ machine }) => machine.loadBefore.toFixed(1)],
]

/** Every run with what it is told apart by, its figures, and whether its nodes agreed. */
export function runsTable(section: Section): string {
  const filled = COLUMNS.filter(([, cell]) => section.runs.some((run) => cell(run) !== ''))
  const columns = [...tellingApart(section), ...filled, ...floorColumn(section)]
  const head = [...columns.map(([name]) => name), 'verification'].map((name) => `<th>${htmlText(name)}</th>`).join('')
  const rows = section.runs.map((run) => {
    const cells = columns.map(([, cell]) => `<td>${htmlText(cell(run))}</td>`).join('')
    return `<tr>${cells}${verification(run)}</tr>`
  })
  return `<table class="runs"><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`
}

function tellingApart({ varied, runs }: Section): Column[] {
  const option = (name: OptionName): Column => [name, ({ options }) => String(options[name] ?? 'default')]
  const part: Column = ['part', ({ row }) => row?.part ?? '']
  const own = runs.some(({ row }) => row !== undefined) ? [part] : []
  return [...own, ['of', ({ subject }) => subject], ...varied.map(option), ['round', ({ round }) => String(round)]]
}

/** Of the medians: one figure for all rounds. */
function floorColumn({ configurations }: Section): Column[] {
  if (!configurations.some((one) => shareOfFloor(one, configurations) !== undefined)) return []
  const shareOf = (run: RunRecord) => {
    const own = configurations.find(({ runs }) => runs.includes(run))!
    return shareOfFloor(own, configurations)?.toFixed(2) ?? ''
  }
  return [['share of the floor', shareOf]]
}

function verification({ agreement, figures }: RunRecord): string {
  if (agreement === undefined) return '<td>nothing is executed</td>'
  if (!agreement.agree) return `<td class="bad">${agreement.differences.map(htmlText).join('<br>')}</td>`
  const reads = figures.reads > 0 ? `, ${whole(figures.reads)} reads looked at` : ''
  return `<td class="good">${whole(agreement.executed)} commands, alike on all nodes${reads}</td>`
}
