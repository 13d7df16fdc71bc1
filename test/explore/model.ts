import type { NodeId } from '../../src/base/numbers.js'
import type { GroupTuning } from '../../src/core/config.js'
import type { Message } from '../../src/core/messages.js'
import type { TimerKind } from '../../src/core/timers.js'
import { TIMER_KINDS } from '../../src/core/timers.js'
import { messageName } from '../support/core-names.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'
import { canonical, deepCopy } from './copy.js'

/** What one configuration of the search allows to happen, and how often. */
export interface Bounds {
  readonly name: string
  readonly nodes: number
  readonly tuning: GroupTuning
  /** At which node each command is proposed; each at most once, in this order. */
  readonly proposals: readonly NodeId[]
  readonly duplicates: number
  readonly crashes: number
  readonly timers: Partial<Record<TimerKind, number>>
  /** States beyond these are reached and checked, but not left again. */
  readonly maxRound: number
  readonly maxInstance: number
  /** Messages on their way at one time; of more, any one is lost. */
  readonly maxMessages: number
  /** Commits happen with the round that asks for them: fewer orders, so that other bounds can be wider. */
  readonly commitAtOnce: boolean
}

/** A message on its way. */
interface Letter {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
}

/** What comes of one action at one node: the same for every world in which that node is in that state. */
export interface Outcome {
  readonly next: number
  readonly letters: readonly number[]
  readonly violation: string | undefined
}

/** The actions a node can take by itself or be made to take. */
export const COMMIT = 0
export const RESTART = 1
export const PROPOSE = 2
export const PEER_RESTARTED = 3
export const FIRE = 20
export const DELIVER = 100

interface Interned {
  readonly node: NodeModel
  /** What the rules between nodes depend on: votes and what is known chosen. */
  readonly view: number
  readonly armed: readonly number[]
  readonly mustCommit: boolean
  readonly outside: boolean
}

/**
 * Nodes are deterministic and share nothing, so a world is three numbers and a bag of letters, and an action at a node
 * in a certain state is carried out on the real core only once, however many worlds it occurs in.
 */
export class Model {
  readonly bounds: Bounds
  readonly nodeIds: NodeId[] = []
  private readonly nodes: Interned[] = []
  private readonly nodeIndex = new Map<string, number>()
  private readonly letters: Letter[] = []
  private readonly letterIndex = new Map<string, number>()
  private readonly views: NodeModel[] = []
  private readonly viewIndex = new Map<string, number>()
  private readonly outcomes = new Map<number, Outcome>()

  constructor(bounds: Bounds) {
    this.bounds = bounds
    for (let nodeId = 1; nodeId <= bounds.nodes; nodeId++) this.nodeIds.push(nodeId)
  }

  get nodeStates(): number {
    return this.nodes.length
  }

  get coreSteps(): number {
    return this.outcomes.size
  }

  /** The first state of every node, and the letters of their births. */
  begin(): { readonly nodes: number[]; readonly letters: number[] } {
    const letters: number[] = []
    const nodes = this.nodeIds.map((nodeId) => {
      const node = new NodeModel(nodeId, this.nodeIds, { tuning: this.bounds.tuning, proposeOn: 'here' })
      const out: Outgoing[] = []
      node.start(out)
      this.settle(node, out)
      for (const one of out) letters.push(this.internLetter(nodeId, one))
      return this.internNode(node)
    })
    return { nodes, letters }
  }

  state(index: number): Interned {
    return this.nodes[index] as Interned
  }

  viewOf(view: number): NodeModel {
    return this.views[view] as NodeModel
  }

  receiver(letter: number): NodeId {
    return (this.letters[letter] as Letter).to
  }

  /** Carries out an action at a node in a state; `PEER_RESTARTED + n`, `FIRE + timer` and `DELIVER + letter` name theirs. */
  outcome(state: number, action: number): Outcome {
    const key = state * 67108864 + action
    let outcome = this.outcomes.get(key)
    if (!outcome) {
      outcome = this.carryOut(state, action)
      this.outcomes.set(key, outcome)
    }
    return outcome
  }

  actionName(action: number): string {
    if (action === COMMIT) return 'commit'
    if (action === RESTART) return 'crash and restart'
    if (action === PROPOSE) return 'propose'
    if (action >= DELIVER) {
      const { from, message } = this.letters[action - DELIVER] as Letter
      return `← ${from}  ${messageName(message)}`
    }
    if (action >= FIRE) return `timer ${TIMER_KINDS[action - FIRE]}`
    return `link to ${action - PEER_RESTARTED} breaks and comes up`
  }

  letterName(letter: number): string {
    const { from, to, message } = this.letters[letter] as Letter
    return `${from} → ${to}  ${messageName(message)}`
  }

  private carryOut(state: number, action: number): Outcome {
    const node = deepCopy(this.state(state).node)
    const out: Outgoing[] = []
    let violation: string | undefined
    try {
      this.act(node, action, out)
      this.settle(node, out)
    } catch (error) {
      violation = error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
    const letters = out.map((one) => this.internLetter(node.nodeId, one))
    return { next: this.internNode(node), letters, violation }
  }

  private act(node: NodeModel, action: number, out: Outgoing[]): void {
    if (action === COMMIT) node.commit(out)
    else if (action === RESTART) node.restart(out)
    else if (action === PROPOSE) node.propose(`${node.nodeId}.${node.proposed + 1}`, out)
    else if (action >= DELIVER) {
      const { from, message } = this.letters[action - DELIVER] as Letter
      node.input({ kind: 'message', from, message }, out)
    } else if (action >= FIRE) node.fire(TIMER_KINDS[action - FIRE] as TimerKind, out)
    else node.peerRestarted(action - PEER_RESTARTED, out)
  }

  private settle(node: NodeModel, out: Outgoing[]): void {
    while (this.bounds.commitAtOnce && node.mustCommit) node.commit(out)
  }

  private internLetter(from: NodeId, { to, message }: Outgoing): number {
    const words = `${from} ${to} ${canonical(message)}`
    let index = this.letterIndex.get(words)
    if (index === undefined) {
      index = this.letters.length
      this.letters.push({ from, to, message })
      this.letterIndex.set(words, index)
    }
    return index
  }

  private internNode(node: NodeModel): number {
    const words = canonical(node)
    let index = this.nodeIndex.get(words)
    if (index === undefined) {
      index = this.nodes.length
      const { maxRound, maxInstance } = this.bounds
      this.nodes.push({
        node,
        view: this.internView(node),
        armed: [...node.armed].map((timer) => TIMER_KINDS.indexOf(timer)).sort(),
        mustCommit: node.mustCommit,
        outside: node.group.promised > maxRound * 65536 + 65535 || node.group.lastAccepted > maxInstance,
      })
      this.nodeIndex.set(words, index)
    }
    return index
  }

  private internView(node: NodeModel): number {
    const words = `${node.nodeId}${canonical(node.votes)}${canonical(node.known)}`
    let index = this.viewIndex.get(words)
    if (index === undefined) {
      index = this.views.length
      this.views.push(node)
      this.viewIndex.set(words, index)
    }
    return index
  }
}
