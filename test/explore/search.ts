import { TIMER_KINDS } from '../../src/core/timers.js'
import { checkAgreement } from './agreement.js'
import { type Bounds, COMMIT, DELIVER, FIRE, Model, PEER_RESTARTED, PROPOSE, RESTART } from './model.js'
import { SeenStates } from './seen-states.js'

export interface SearchResult {
  readonly name: string
  /** False if the limit of states stopped it. */
  readonly finished: boolean
  readonly states: number
  readonly transitions: number
  readonly depth: number
  readonly nodeStates: number
  readonly coreSteps: number
  readonly seconds: number
  readonly violation: string | undefined
  /** The shortest way to the violation, one line an action. */
  readonly path: string[]
}

/** Words of a world: a state per node, what is left of each budget, then the letters on their way, in order. */
type World = number[]

class Found extends Error {}

/** Queue of worlds between two depths: flat, for there are millions. */
class Frontier {
  private words = new Int32Array(1 << 16)
  private used = 0
  private at = 0

  push(state: number, world: readonly number[]): void {
    while (this.used + world.length + 2 > this.words.length) {
      const grown = new Int32Array(this.words.length * 2)
      grown.set(this.words)
      this.words = grown
    }
    this.words[this.used++] = state
    this.words[this.used++] = world.length
    for (let i = 0; i < world.length; i++) this.words[this.used++] = world[i] as number
  }

  /** The next world into `world`; its state's index, or -1 at the end. */
  shift(world: number[]): number {
    if (this.at === this.used) return -1
    const state = this.words[this.at++] as number
    const length = this.words[this.at++] as number
    world.length = length
    for (let i = 0; i < length; i++) world[i] = this.words[this.at++] as number
    return state
  }

  clear(): void {
    this.used = 0
    this.at = 0
  }
}

const ACTIONS = 67108864
/** Actions from here on are losses of a letter, and concern no node. */
const LOSE = 33554432

/** Breadth-first, so that the first violation found is a shortest one. */
export class Search {
  private readonly model: Model
  private readonly bounds: Bounds
  private readonly seen = new SeenStates()
  private readonly agreed = new Set<number>()
  private readonly timers: number[]
  private readonly budgetAt: number
  private readonly lettersAt: number
  private next = new Frontier()
  private transitions = 0
  private parent = 0

  constructor(bounds: Bounds) {
    this.bounds = bounds
    this.model = new Model(bounds)
    this.timers = TIMER_KINDS.map((kind) => bounds.timers[kind] ?? 0)
    this.budgetAt = bounds.nodes
    this.lettersAt = this.budgetAt + 3 + this.timers.length
  }

  run(maxStates: number): SearchResult {
    const began = performance.now()
    let depth = 0
    let violation: string | undefined
    let path: string[] = []
    let finished = true
    try {
      finished = this.search(maxStates, () => depth++)
    } catch (error) {
      if (!(error instanceof Found)) throw error
      violation = error.message
      path = this.explain()
    }
    return {
      name: this.bounds.name,
      finished,
      states: this.seen.count,
      transitions: this.transitions,
      depth,
      nodeStates: this.model.nodeStates,
      coreSteps: this.model.coreSteps,
      seconds: (performance.now() - began) / 1000,
      violation,
      path,
    }
  }

  private search(maxStates: number, deeper: () => void): boolean {
    const { nodes, letters } = this.model.begin()
    const { duplicates, crashes } = this.bounds
    this.reach([...nodes, duplicates, crashes, 0, ...this.timers, ...letters.sort((a, b) => a - b)], 0)
    let frontier = new Frontier()
    const world: World = []
    for (;;) {
      const done = frontier
      frontier = this.next
      this.next = done
      this.next.clear()
      let any = false
      for (let state = frontier.shift(world); state >= 0; state = frontier.shift(world)) {
        any = true
        this.parent = state
        this.expand(world)
        if (this.seen.count >= maxStates) return false
      }
      if (!any) return true
      deeper()
    }
  }

  private expand(world: World): void {
    const { bounds, model, budgetAt, lettersAt } = this
    for (let n = 0; n < bounds.nodes; n++) if (model.state(world[n] as number).outside) return
    if (world.length - lettersAt > bounds.maxMessages) {
      this.lose(world)
      return
    }
    const proposed = world[budgetAt + 2] as number
    const proposer = bounds.proposals[proposed]
    if (proposer !== undefined) this.act(world, proposer - 1, PROPOSE, -1, budgetAt + 2, 1)
    for (let n = 0; n < bounds.nodes; n++) {
      const { mustCommit, armed } = model.state(world[n] as number)
      if (mustCommit) this.act(world, n, COMMIT, -1, -1, 0)
      for (const timer of armed) {
        const at = budgetAt + 3 + timer
        if ((world[at] as number) > 0) this.act(world, n, FIRE + timer, -1, at, -1)
      }
      if ((world[budgetAt + 1] as number) > 0) this.crash(world, n)
    }
    for (let at = lettersAt; at < world.length; at++) {
      const letter = world[at] as number
      if (at > lettersAt && letter === world[at - 1]) continue
      const n = model.receiver(letter) - 1
      this.act(world, n, DELIVER + letter, at, -1, 0)
      if ((world[budgetAt] as number) > 0) this.act(world, n, DELIVER + letter, -1, budgetAt, -1)
    }
  }

  /** More is on its way than the bound allows: one letter is lost, whichever. */
  private lose(world: World): void {
    for (let at = this.lettersAt; at < world.length; at++) {
      const letter = world[at] as number
      if (at > this.lettersAt && letter === world[at - 1]) continue
      const next = world.slice()
      next.splice(at, 1)
      this.reach(next, LOSE + letter)
    }
  }

  /** One action at one node: `taken` is the letter it takes off the way, `budget` what it uses up. */
  private act(world: World, n: number, action: number, taken: number, budget: number, by: number): void {
    const outcome = this.model.outcome(world[n] as number, action)
    // Nothing came of it: a world that only lacks this letter or timer can do nothing that this one cannot.
    if (outcome.next === world[n] && outcome.letters.length === 0 && outcome.violation === undefined) return
    const next = world.slice()
    next[n] = outcome.next
    if (budget >= 0) next[budget] = (next[budget] as number) + by
    if (taken >= 0) next.splice(taken, 1)
    for (const letter of outcome.letters) this.post(next, letter)
    this.reach(next, n * ACTIONS + action, outcome.violation)
  }

  /** A process dies and starts again: what was on its way to it is gone, and its peers see the connection break. */
  private crash(world: World, n: number): void {
    const { model, lettersAt, budgetAt } = this
    const outcome = model.outcome(world[n] as number, RESTART)
    const next = world.slice(0, lettersAt)
    next[n] = outcome.next
    next[budgetAt + 1] = (next[budgetAt + 1] as number) - 1
    for (let at = lettersAt; at < world.length; at++) {
      const letter = world[at] as number
      if (model.receiver(letter) !== n + 1) next.push(letter)
    }
    for (const letter of outcome.letters) this.post(next, letter)
    let violation = outcome.violation
    for (let peer = 0; peer < this.bounds.nodes; peer++) {
      if (peer === n) continue
      const seen = model.outcome(world[peer] as number, PEER_RESTARTED + n + 1)
      next[peer] = seen.next
      violation ??= seen.violation
      for (const letter of seen.letters) this.post(next, letter)
    }
    this.reach(next, n * ACTIONS + RESTART, violation)
  }

  private post(world: World, letter: number): void {
    let at = world.length
    world.push(letter)
    for (; at > this.lettersAt && (world[at - 1] as number) > letter; at--) world[at] = world[at - 1] as number
    world[at] = letter
  }

  private reach(world: World, action: number, violation?: string): void {
    this.transitions++
    const index = this.seen.add(world, this.parent, action)
    if (violation !== undefined) this.fail(index, action, violation)
    if (index < 0) return
    this.checkAgreement(world, index, action)
    this.next.push(index, world)
  }

  /** The rules between nodes depend on their views alone, of which there are few. */
  private checkAgreement(world: World, index: number, action: number): void {
    let key = 0
    const views: number[] = []
    for (let n = 0; n < this.bounds.nodes; n++) {
      const { view } = this.model.state(world[n] as number)
      views.push(view)
      key = key * 131072 + view
    }
    if (this.agreed.has(key)) return
    this.agreed.add(key)
    try {
      checkAgreement(views.map((view) => this.model.viewOf(view)))
    } catch (error) {
      this.fail(index, action, error instanceof Error ? error.message : String(error))
    }
  }

  private lastAction = 0

  private fail(index: number, action: number, violation: string): never {
    if (index >= 0) this.parent = index
    else this.lastAction = action
    throw new Found(violation)
  }

  /** Replays the way to the present state, in words. */
  private explain(): string[] {
    const path = this.seen.pathTo(this.parent)
    if (this.lastAction !== 0) path.push(this.lastAction)
    const states = this.model.begin().nodes
    const lines: string[] = []
    for (const step of path) {
      const n = Math.floor(step / ACTIONS)
      const action = step % ACTIONS
      if (action >= LOSE) {
        lines.push(`   lost: ${this.model.letterName(action - LOSE)}`)
        continue
      }
      lines.push(`${n + 1}  ${this.model.actionName(action)}`)
      const outcome = this.model.outcome(states[n] as number, action)
      states[n] = outcome.next
      for (const letter of outcome.letters) lines.push(`      ${this.model.letterName(letter)}`)
      if (action !== RESTART) continue
      for (let peer = 0; peer < this.bounds.nodes; peer++) {
        if (peer === n) continue
        states[peer] = this.model.outcome(states[peer] as number, PEER_RESTARTED + n + 1).next
      }
    }
    return lines
  }
}
