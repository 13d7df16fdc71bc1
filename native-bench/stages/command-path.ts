import type { StageSample } from '../../src/index.js'
import { columns, percent } from './columns.js'
import type { PeerTimes } from './node-insight.js'

/** One sample of a command that node 1 led, and what its peers know of the instance. */
export interface LedSample {
  readonly sample: StageSample
  readonly peers: readonly PeerTimes[]
}

interface Span {
  readonly name: string
  readonly about: string
  readonly ms: number[]
}

const PATH = [
  ['host queue', 'propose called - visible to the worker'],
  ['inbox', 'the worker wakes, or ends its round, and reads it'],
  ['step', 'into an instance, the accepts visible to the host'],
  ['commit', 'the own log on disk'],
  ['peers', 'a majority has it: what the own commit did not hide'],
  ['execute', 'the state machine, the reply visible to the host'],
  ['outbox', 'the host wakes, or ends its turn, and reads it'],
  ['reply', 'the caller goes on'],
] as const

/** From the moment at which the accepts were visible to the host, beside the commit. */
const BESIDE = [
  ['outbox', 'the host wakes, or ends its turn, and reads it'],
  ['link out', 'frames made and handed to the links'],
  ['to the peer', 'sockets, its host, its inbox, its step'],
  ['commit', "on the peer's disk"],
  ['back', 'its outbox, host and link; host and inbox here'],
] as const

/** Where the latency of single commands goes: rows that add up to the whole. */
export function commandPaths(samples: readonly LedSample[]): string {
  const path = PATH.map(([name, about]): Span => ({ name, about, ms: [] }))
  const beside = BESIDE.map(([name, about]): Span => ({ name, about, ms: [] }))
  const whole: Span = { name: 'propose to resumption', about: '', ms: [] }
  const round: Span = { name: 'sent to chosen', about: 'by the peer that had it on disk first', ms: [] }
  for (const led of samples) {
    const moments = pathOf(led.sample)
    if (moments === undefined) continue
    add(path, moments)
    whole.ms.push(moments.at(-1)! - moments[0]!)
    const around = besideOf(led)
    if (around === undefined) continue
    add(beside, around)
    round.ms.push(around.at(-1)! - around[0]!)
  }
  if (whole.ms.length === 0) return '  no command of node 1 was followed to its end: does another node lead?'
  const parts = [`Where a command's time goes: ${whole.ms.length} samples at node 1, µs`, spanTable(path, whole)]
  if (round.ms.length > 0) {
    parts.push(
      `Beside the commit, by way of the quicker peer: ${round.ms.length} samples, µs`,
      spanTable(beside, round),
    )
  }
  return parts.join('\n')
}

/** Undefined: forgotten, or another node led. The moments are in order: what was hidden by something else took no time. */
export function pathOf({ proposed, published, worker, answered, resumed }: StageSample): number[] | undefined {
  const { read, sent, committed, chosen, executed } = worker
  if (read === undefined || sent === undefined || chosen === undefined || executed === undefined) return undefined
  const stored = committed === undefined ? chosen : Math.min(committed, chosen)
  return inOrder([proposed, published, read, sent, stored, chosen, executed, answered, resumed])
}

function besideOf({ sample, peers }: LedSample): number[] | undefined {
  const { worker, collected, linked } = sample
  const known = peers.flatMap(([accepted, committed]) =>
    accepted === null || committed === null ? [] : [{ accepted, committed }],
  )
  const first = known.sort((a, b) => a.committed - b.committed)[0]
  if (first === undefined || collected === undefined || linked === undefined) return undefined
  return inOrder([worker.sent!, collected, linked, first.accepted, first.committed, worker.chosen!])
}

function inOrder(moments: number[]): number[] {
  for (let i = 1; i < moments.length; i++) moments[i] = Math.max(moments[i]!, moments[i - 1]!)
  return moments
}

function add(spans: readonly Span[], moments: readonly number[]): void {
  for (const [i, { ms }] of spans.entries()) ms.push(moments[i + 1]! - moments[i]!)
}

function spanTable(spans: readonly Span[], whole: Span): string {
  const total = mean(whole.ms)
  const rows = [...spans, whole].map(({ name, about, ms }) => {
    const sorted = [...ms].sort((a, b) => a - b)
    return [name, ...[mean(ms), at(sorted, 0.5), at(sorted, 0.99)].map(micros), percent(mean(ms) / total), about]
  })
  return columns(['stage', 'mean', 'p50', 'p99', 'share', ''], rows)
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!
const micros = (ms: number): string => (ms * 1000).toFixed(ms < 0.1 ? 1 : 0)
