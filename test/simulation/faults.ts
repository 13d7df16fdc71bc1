import type { NodeId } from '../../src/base/numbers.js'
import { Random } from '../../src/base/random.js'
import type { MessageKind } from '../../src/core/messages.js'
import { KIND_INDEX, MESSAGE_KINDS } from './coverage.js'

/** Places in a node's round where something may go wrong, besides every message. */
export const PLACES = [
  'input',
  'commit',
  'committed',
  'send',
  'execution',
  'trimmed',
  'save',
  'saved',
  'taking',
  'taken',
  'part read',
  'part stored',
  'load received',
  'load staged',
  'load log moved',
  'load state moved',
] as const
export type Place = (typeof PLACES)[number]

/** What strikes a single message or place. Times of a nemesis (nemesis.ts) come on top. */
export type Strike =
  | 'lost'
  | 'duplicated'
  | 'slow'
  | 'link breaks'
  | 'one way cut'
  | 'partition'
  | 'sender crashes'
  | 'receiver crashes'
  | 'crash'
  | 'slow commit'
  | 'disk error'
  | 'machine fails'
  | 'record damaged'
  | 'state damaged'
  | 'checkpoint damaged'
  | 'transfer fails'

export type Chances = Readonly<Partial<Record<Strike, number>>>

/** One fault that happened: with the seed, enough to let it happen again. */
export interface Fault {
  /** Where it strikes. In another run of the same seed the same name means the same opportunity. */
  readonly site: string
  readonly what: string
  /** Milliseconds and nodes. */
  readonly args: readonly number[]
}

/** Milliseconds and choices of a strike, drawn once and then kept with it. */
const DRAW_ARGS: Readonly<Record<Strike, (random: Random) => number[]>> = {
  lost: () => [],
  duplicated: (random) => [random.chance(0.2) ? random.between(2, 400) : random.between(0.05, 2)],
  slow: (random) => [random.between(2, 400)],
  'link breaks': () => [],
  'one way cut': (random) => [random.between(20, 1500)],
  partition: (random) => [random.between(20, 1500)],
  'sender crashes': (random) => [downMs(random)],
  'receiver crashes': (random) => [downMs(random)],
  crash: (random) => [downMs(random)],
  'slow commit': (random) => [random.between(5, 120)],
  'disk error': (random) => [downMs(random), random.below(2)],
  'machine fails': (random) => [random.between(5, 800)],
  'record damaged': (random) => [random.between(0, 1)],
  'state damaged': (random) => [random.below(2)],
  'checkpoint damaged': () => [],
  'transfer fails': () => [],
}

/** How long a node stays down. */
export function downMs(random: Random): number {
  return random.chance(0.3) ? random.between(1, 50) : random.between(10, 1500)
}

/** Node ids are below this. */
const MAX_NODES = 10
const OPPORTUNITIES = [...MESSAGE_KINDS, ...PLACES]

interface Row {
  readonly total: number
  readonly strikes: readonly { readonly what: Strike; readonly upTo: number }[]
}

/**
 * Decides at every opportunity whether a fault happens, and keeps those that did. Given some of them (`again`), it lets
 * exactly these happen: so that a failing run can be tried with fewer. Its randomness is its own: leaving faults out
 * moves nothing else than what follows from them.
 */
export class FaultSchedule {
  readonly happened: Fault[] = []
  readonly random: Random
  private readonly again: ReadonlyMap<string, Fault> | undefined
  private readonly rows: readonly Row[]
  /** How often each opportunity came, by kind and nodes. */
  private readonly counts = new Uint32Array(OPPORTUNITIES.length * MAX_NODES * MAX_NODES)
  private stopped = false

  constructor(seed: number, chances: (kind: MessageKind | Place) => Chances, again: readonly Fault[] | undefined) {
    this.random = new Random(seed * 31 + 5)
    this.again = again && new Map(again.map((fault) => [fault.site, fault]))
    this.rows = OPPORTUNITIES.map((kind) => row(chances(kind)))
  }

  /** The faults at set times, if this run repeats some. */
  get timed(): readonly Fault[] | undefined {
    return this.again && [...this.again.values()].filter(({ site }) => site.startsWith('at '))
  }

  get isStopped(): boolean {
    return this.stopped
  }

  stop(): void {
    this.stopped = true
  }

  /** What strikes the next message of `kind` from `from` to `to`. */
  onMessage(kind: MessageKind, from: NodeId, to: NodeId): Fault | undefined {
    return this.opportunity(KIND_INDEX[kind], from, to)
  }

  /** What strikes `node` here. */
  at(place: Place, node: NodeId): Fault | undefined {
    return this.opportunity(MESSAGE_KINDS.length + PLACES.indexOf(place), node, 0)
  }

  /** A fault whose time, not place, was drawn. */
  note(now: number, what: string, args: readonly number[]): void {
    this.happened.push({ site: `at ${now}`, what, args })
  }

  /** A fault at a place that a run comes to once: drawn, or that of the earlier run. Undefined: none. */
  once(site: string, what: string, draw: (random: Random) => number[]): readonly number[] | undefined {
    if (this.again && !this.again.has(site)) return undefined
    const args = this.again?.get(site)?.args ?? draw(this.random)
    this.happened.push({ site, what, args })
    return args
  }

  private opportunity(index: number, a: NodeId, b: NodeId): Fault | undefined {
    if (this.stopped) return undefined
    const counter = (index * MAX_NODES + a) * MAX_NODES + b
    const nth = (this.counts[counter] as number) + 1
    this.counts[counter] = nth
    if (this.again) {
      const fault = this.again.get(siteName(index, a, b, nth))
      if (fault) this.happened.push(fault)
      return fault
    }
    const { total, strikes } = this.rows[index] as Row
    if (total === 0) return undefined
    const draw = this.random.between(0, 1)
    if (draw >= total) return undefined
    for (const { what, upTo } of strikes) {
      if (draw >= upTo) continue
      const fault = { site: siteName(index, a, b, nth), what, args: DRAW_ARGS[what](this.random) }
      this.happened.push(fault)
      return fault
    }
    return undefined
  }
}

function row(chances: Chances): Row {
  let total = 0
  const strikes: { what: Strike; upTo: number }[] = []
  for (const [what, chance] of Object.entries(chances) as [Strike, number][]) {
    if (chance === 0) continue
    total += chance
    strikes.push({ what, upTo: total })
  }
  return { total, strikes }
}

function siteName(index: number, a: NodeId, b: NodeId, nth: number): string {
  return b === 0 ? `${OPPORTUNITIES[index]} ${nth} of node ${a}` : `${OPPORTUNITIES[index]} ${nth} from ${a} to ${b}`
}

/** One line for a person. */
export function faultName({ site, what, args }: Fault): string {
  const time = /^at (.*)$/.exec(site)?.[1]
  const where = time === undefined ? site : `at ${Number(time).toFixed(3)} ms`
  const numbers = args.map((arg) => (Number.isInteger(arg) ? String(arg) : arg.toFixed(2)))
  return `${where}: ${what}${numbers.length > 0 ? ` (${numbers.join(', ')})` : ''}`
}
