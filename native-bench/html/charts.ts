import type { Figures } from '../measure.js'
import { median, rate } from '../medians.js'
import { type Configuration, figuresOf, labelOf, type OptionName, shareOfFloor } from '../series/configurations.js'
import type { Section } from './sections.js'

/** A chart as Chart.js takes it, in plain data. */
export interface Chart {
  readonly type: 'line' | 'bar'
  readonly data: { readonly labels?: readonly string[]; readonly datasets: readonly Dataset[] }
  readonly options: object
}

interface Dataset {
  readonly label: string
  readonly data: readonly Point[]
  readonly borderColor: string
  readonly backgroundColor: string
  readonly borderDash?: readonly number[]
}

interface Point {
  readonly x: number | string
  readonly y: number
  /** What the tooltip says. */
  readonly note: string
}

interface Measure {
  readonly name: string
  readonly pick: (figures: Figures) => number
}

const THROUGHPUT: Measure = { name: 'commands/s', pick: rate }
const P50: Measure = { name: 'p50, ms', pick: ({ latencyMs }) => latencyMs.p50 }
const P99: Measure = { name: 'p99, ms', pick: ({ latencyMs }) => latencyMs.p99 }
const CPU: Measure = { name: 'µs of CPU per command', pick: ({ cpuMicrosPerCommand }) => cpuMicrosPerCommand }
const COLORS = ['#0b5fa5', '#c4511a', '#2b8a3e', '#8a3ea8', '#9a7b00', '#00868b', '#b0305c', '#555555']
/** What makes a load heavier: along these goes a curve of latency against throughput. */
const LOAD_NAMES: readonly OptionName[] = ['callers', 'rate']

export function chartsOf(section: Section): Chart[] {
  const { varied, runs } = section
  const shares = floorCharts(section)
  const measures = [THROUGHPUT, P99, CPU]
  // The parts of a row differ in whatever they have to: there is no axis along which they could lie.
  if (varied.length === 0 || runs[0]?.row !== undefined) {
    return [...shares, ...measures.map((measure) => barChart(section, measure))]
  }
  const scaling = varied.flatMap((name) => measures.map((measure) => scalingChart(section, name, measure)))
  return [...latencyCharts(section), ...shares, ...scaling]
}

function latencyCharts({ configurations, varied }: Section): Chart[] {
  return varied
    .filter((name) => LOAD_NAMES.includes(name))
    .map((along) => {
      const others = varied.filter((name) => name !== along)
      const datasets = series(configurations, others).flatMap(({ label, members }, i) => {
        const rising = [...members].sort((a, b) => Number(a.options[along] ?? 0) - Number(b.options[along] ?? 0))
        return [P50, P99].map((measure) => {
          const points = rising.map((one) => {
            return { x: middle(one, THROUGHPUT), y: middle(one, measure), note: noteOf(one, [along], measure) }
          })
          return { ...dataset(`${label} ${measure.name.slice(0, 3)}`, points, i), ...(measure === P50 ? DASHED : {}) }
        })
      })
      const axes = { x: axis('commands/s', 'linear'), y: axis('latency, ms', 'logarithmic') }
      return { type: 'line', data: { datasets }, options: options(`Latency against throughput, along ${along}`, axes) }
    })
}

/** Above this ratio of the largest to the smallest an axis is logarithmic. */
const WIDE = 30
const DASHED = { borderDash: [5, 4] }

function scalingChart({ configurations, varied }: Section, along: OptionName, measure: Measure): Chart {
  const others = varied.filter((name) => name !== along)
  const values = [...new Set(configurations.map((one) => one.options[along]))].sort(byValue)
  const datasets = series(configurations, others).map(({ label, members }, i) => {
    const points = [...members]
      .sort((a, b) => byValue(a.options[along], b.options[along]))
      .map((one) => ({
        x: valueName(one.options[along]),
        y: middle(one, measure),
        note: noteOf(one, [along], measure),
      }))
    return dataset(label, points, i)
  })
  const axes = { x: axis(along, 'category'), y: heightAxis(measure.name, datasets) }
  const title = `${measure.name} against ${along}`
  return { type: 'line', data: { labels: values.map(valueName), datasets }, options: options(title, axes) }
}

function floorCharts({ configurations, varied }: Section): Chart[] {
  const points = configurations.flatMap((one) => {
    const share = shareOfFloor(one, configurations)
    return share === undefined ? [] : [{ x: labelOf(one.options, varied), y: share, note: show(share) }]
  })
  if (points.length === 0) return []
  return [bars('Share of the floor, commands/s', 'runtime / floor', points)]
}

function barChart({ configurations }: Section, measure: Measure): Chart {
  const points = configurations.map((one) => ({
    x: partOf(one),
    y: middle(one, measure),
    note: noteOf(one, [], measure),
  }))
  return bars(measure.name, measure.name, points)
}

function bars(title: string, height: string, points: readonly (Point & { readonly x: string })[]): Chart {
  const axes = { x: axis('', 'category'), y: { ...axis(height, 'linear'), beginAtZero: true } }
  const datasets = [{ ...dataset(height, points, 0), maxBarThickness: 60 }]
  const { plugins, ...rest } = options(title, axes)
  const noLegend = { ...plugins, legend: { display: false } }
  return { type: 'bar', data: { labels: points.map(({ x }) => x), datasets }, options: { ...rest, plugins: noLegend } }
}

/** One line each for what has the same subject and the same of these options. */
function series(configurations: readonly Configuration[], names: readonly OptionName[]) {
  const byLabel = new Map<string, Configuration[]>()
  for (const one of configurations) {
    const label = `${one.subject} ${labelOf(one.options, names)}`.trim()
    byLabel.set(label, [...(byLabel.get(label) ?? []), one])
  }
  return [...byLabel].map(([label, members]) => ({ label, members }))
}

const partOf = ({ runs, subject }: Configuration): string => runs[0]?.row?.part ?? subject

const middle = (configuration: Configuration, { pick }: Measure): number => median(figuresOf(configuration), pick)

function noteOf(one: Configuration, names: readonly OptionName[], measure: Measure): string {
  const values = figuresOf(one).map(measure.pick)
  const range =
    values.length === 1
      ? ''
      : `, of ${values.length} runs from ${show(Math.min(...values))} to ${show(Math.max(...values))}`
  const at = [labelOf(one.options, names), `${show(middle(one, THROUGHPUT))} commands/s`].filter((text) => text !== '')
  return `${at.join(', ')}: ${measure.name} ${show(middle(one, measure))}${range}`
}

export const show = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 })

const valueName = (value: unknown): string => (value === undefined ? 'default' : String(value))

function byValue(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return valueName(a) < valueName(b) ? -1 : 1
}

export function dataset(label: string, data: readonly Point[], i: number): Dataset {
  const color = COLORS[i % COLORS.length]!
  return { label, data, borderColor: color, backgroundColor: color }
}

/** From nothing, where that leaves something to be seen of the smallest. */
function heightAxis(text: string, datasets: readonly Dataset[]) {
  const heights = datasets.flatMap(({ data }) => data.map(({ y }) => y))
  const isWide = Math.max(...heights) > WIDE * Math.min(...heights)
  return isWide ? axis(text, 'logarithmic') : { ...axis(text, 'linear'), beginAtZero: true }
}

export const axis = (text: string, type: string) => ({ type, title: { display: text !== '', text } })

export const options = (text: string, scales: object) => {
  return { animation: false, maintainAspectRatio: false, scales, plugins: { title: { display: true, text } } }
}
