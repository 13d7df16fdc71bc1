import type { NodeId } from '../../src/base/numbers.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Message } from '../../src/core/messages.js'
import { TIMER_KINDS, type TimerKind } from '../../src/core/timers.js'
import { ballotName, messageName, recordName, valueName } from '../support/core-names.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'
import { ScenarioCheckpoints } from './scenario-checkpoints.js'

interface Letter {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
}

type Command = (words: readonly string[]) => void

/** Deliveries one `run` may take: a scenario that never falls silent is a defect. */
const MAX_RUN = 2000

/**
 * A small cluster that does what a script says, and writes down what happens. The commands (lines that begin with `>`)
 * are explained in scenarios/README.md.
 */
class Scenario {
  private readonly nodes = new Map<NodeId, NodeModel>()
  private readonly down = new Set<NodeId>()
  private readonly executed = new Map<NodeId, number>()
  /** What waits at a blocked way: `from>to` or `from>to kind`. */
  private readonly held = new Set<string>()
  private readonly slowDisks = new Set<NodeId>()
  private readonly checkpoints = new ScenarioCheckpoints()
  private letters: Letter[] = []
  private lines: string[] = []
  private now = 0
  private readonly commands: Record<string, Command>

  constructor() {
    this.commands = {
      nodes: (words) => this.begin(words),
      propose: ([node, text]) => this.act(node, (model, out) => model.propose(text ?? '', out)),
      run: ([quietly]) => this.run(quietly === 'quietly'),
      commit: ([node]) => this.commit(Number(node)),
      'slow-disk': ([node]) => this.slowDisks.add(Number(node)),
      'fast-disk': ([node]) => this.slowDisks.delete(Number(node)),
      hold: (words) => {
        for (const way of this.ways(words)) this.held.add(way)
      },
      release: (words) => {
        for (const way of this.ways(words)) this.held.delete(way)
      },
      lose: (words) => this.lose(words),
      deliver: (words) => this.deliver(words),
      crash: ([node]) => this.crash(Number(node)),
      restart: ([node]) => this.restart(Number(node)),
      checkpoint: ([node]) => this.act(node, (model, out) => this.checkpoints.take(model, out)),
      trim: ([node, firstKept]) =>
        this.act(node, (model, out) => model.input({ kind: 'trim', firstKept: Number(firstKept) }, out)),
      fire: ([node, timer]) => this.fire(node, timer as TimerKind),
      wait: ([ms]) => this.wait(Number(ms)),
      status: ([from, to]) => this.status(Number(from), Number(to)),
      show: () => this.show(),
    }
  }

  /** Carries out one line, and returns what happened. */
  do(line: string): string[] {
    const [command = '', ...words] = line.split(/\s+/)
    const action = this.commands[command]
    if (!action) throw new Error(`a scenario knows no command ${command}`)
    this.lines = []
    action(words)
    return this.lines
  }

  private begin(words: readonly string[]): void {
    const [count, ...options] = words
    const window = Number(options.find((word) => word.startsWith('window='))?.slice(7) ?? 1)
    const proposeOn = options.includes('here') ? 'here' : 'leader'
    const nodeIds = Array.from({ length: Number(count) }, (_, index) => index + 1)
    const limits = { batchCount: 1, batchBytes: 1, fetchBytesPerSecond: Number.POSITIVE_INFINITY }
    const tuning = { ...DEFAULT_TUNING, ...limits, window, announceMs: 0 }
    for (const nodeId of nodeIds) this.nodes.set(nodeId, new NodeModel(nodeId, nodeIds, { tuning, proposeOn }))
    for (const node of this.nodes.values()) this.step(node, (model, out) => model.start(out))
  }

  private act(node: string | undefined, action: (model: NodeModel, out: Outgoing[]) => void): void {
    const model = this.node(Number(node))
    if (this.down.has(model.nodeId)) throw new Error(`node ${node} is down`)
    this.step(model, action)
  }

  private step(model: NodeModel, action: (model: NodeModel, out: Outgoing[]) => void): void {
    const out: Outgoing[] = []
    const leading = model.group.isLeading
    const { life } = model
    model.now = this.now
    action(model, out)
    const up = [...this.nodes.keys()].filter((peer) => !this.down.has(peer))
    this.lines.push(...this.checkpoints.serve(model, up, out))
    if (model.life === life && model.group.isLeading !== leading) {
      this.lines.push(`${model.nodeId}  ${leading ? 'leads no more' : `leads at ${ballotName(model.group.leader)}`}`)
    }
    this.noteExecuted(model)
    for (const { to, message } of out) this.letters.push({ from: model.nodeId, to, message })
  }

  private noteExecuted(model: NodeModel): void {
    const { nodeId, group } = model
    let done = Math.max(this.executed.get(nodeId) ?? 0, model.base.executedUpTo)
    if (done > group.executedUpTo) done = model.base.executedUpTo
    while (done < group.executedUpTo) {
      done++
      this.lines.push(
        `${nodeId}  executes ${done}: ${valueName(model.known[done - model.knownFrom] ?? new Uint8Array(0))}`,
      )
    }
    this.executed.set(nodeId, done)
  }

  /** Delivers and commits until nothing is left to do, but for what is held. */
  private run(quietly: boolean): void {
    const before = [...this.lines]
    for (let i = 0; i < MAX_RUN; i++) {
      if (!this.runOne()) {
        if (quietly) this.lines = before
        return
      }
    }
    throw new Error('the cluster does not fall silent')
  }

  private runOne(): boolean {
    for (const [nodeId, model] of this.nodes) {
      if (!model.mustCommit || this.slowDisks.has(nodeId) || this.down.has(nodeId)) continue
      this.commit(nodeId)
      return true
    }
    const at = this.letters.findIndex((letter) => !this.isHeld(letter))
    if (at < 0) return false
    this.take(at)
    return true
  }

  private take(at: number): void {
    const [letter] = this.letters.splice(at, 1)
    if (!letter) return
    const { from, to, message } = letter
    if (this.down.has(to)) return
    this.lines.push(`${from} → ${to}  ${messageName(message)}`)
    this.step(this.node(to), (model, out) => model.input({ kind: 'message', from, message }, out))
  }

  private isHeld({ from, to, message }: Letter): boolean {
    return this.held.has(`${from}>${to}`) || this.held.has(`${from}>${to} ${message.kind}`)
  }

  private commit(nodeId: NodeId): void {
    const model = this.node(nodeId)
    if (!model.mustCommit) return
    const { promised, chosenUpTo, firstKept } = model.head ?? model.group.head()
    const kept = firstKept === model.disk.head.firstKept ? '' : ` kept from ${firstKept}`
    const records = model.records.map((record) => `  ${recordName(record)}`).join('')
    this.lines.push(`${nodeId}  writes promised=${ballotName(promised)} chosen=${chosenUpTo}${kept}${records}`)
    this.step(model, (node, out) => node.commit(out))
  }

  /** `FROM TO` or `FROM TO KIND`; a `*` stands for all nodes. */
  private ways([from, to, kind]: readonly string[]): string[] {
    const ways: string[] = []
    for (const a of this.nodes.keys()) {
      for (const b of this.nodes.keys()) {
        if ((from === '*' || from === String(a)) && (to === '*' || to === String(b)) && a !== b) {
          ways.push(kind ? `${a}>${b} ${kind}` : `${a}>${b}`)
        }
      }
    }
    return ways
  }

  private matches(words: readonly string[], letter: Letter): boolean {
    const [from, to, kind] = words
    const { message } = letter
    return (
      (from === '*' || from === String(letter.from)) &&
      (to === '*' || to === String(letter.to)) &&
      (kind === undefined || kind === message.kind)
    )
  }

  private lose(words: readonly string[]): void {
    for (const letter of this.letters) {
      if (this.matches(words, letter)) {
        this.lines.push(`${letter.from} ✗ ${letter.to}  ${messageName(letter.message)}`)
      }
    }
    this.letters = this.letters.filter((letter) => !this.matches(words, letter))
  }

  private deliver(words: readonly string[]): void {
    const count = this.letters.filter((letter) => this.matches(words, letter)).length
    for (let i = 0; i < count; i++) this.take(this.letters.findIndex((letter) => this.matches(words, letter)))
  }

  private crash(nodeId: NodeId): void {
    this.down.add(nodeId)
    this.letters = this.letters.filter((letter) => letter.to !== nodeId)
    for (const model of this.nodes.values()) {
      if (!this.down.has(model.nodeId)) this.step(model, (node, out) => node.link(nodeId, false, out))
    }
  }

  private restart(nodeId: NodeId): void {
    this.down.delete(nodeId)
    this.executed.set(nodeId, 0)
    const up = [...this.nodes.keys()].filter((peer) => !this.down.has(peer))
    this.step(this.node(nodeId), (node, out) => node.restart(out, up))
    for (const peer of up) {
      if (peer !== nodeId) this.step(this.node(peer), (node, out) => node.link(nodeId, true, out))
    }
  }

  private fire(node: string | undefined, timer: TimerKind): void {
    const model = this.node(Number(node))
    if (!TIMER_KINDS.includes(timer)) throw new Error(`there is no timer ${timer}`)
    if (!model.armed.has(timer)) throw new Error(`node ${node} waits for ${[...model.armed].join()}, not for ${timer}`)
    this.act(node, (one, out) => one.fire(timer, out))
  }

  private wait(ms: number): void {
    this.now += ms
  }

  /** What the host sends when a link comes up, and at an interval. */
  private status(from: NodeId, to: NodeId): void {
    this.letters.push({ from, to, message: this.node(from).group.status() })
  }

  private show(): void {
    for (const [nodeId, { group, disk, armed }] of this.nodes) {
      const tail = disk.load().tail.map((record) => `  ${recordName(record)}`)
      const timers = [...armed].sort().join(' ')
      this.lines.push(
        this.down.has(nodeId)
          ? `${nodeId}  is down; on disk: promised=${ballotName(disk.head.promised)} chosen=${disk.head.chosenUpTo}${tail.join('')}`
          : `${nodeId}  promised=${ballotName(group.promised)} executed=${group.executedUpTo} chosen=${group.chosenUpTo} ` +
              `accepted=${group.lastAccepted} leader=${ballotName(group.leader)} timers: ${timers || 'none'}`,
      )
    }
  }

  private node(nodeId: NodeId): NodeModel {
    const model = this.nodes.get(nodeId)
    if (!model) throw new Error(`there is no node ${nodeId}`)
    return model
  }
}

/** Carries out a whole script; what an earlier run wrote under the commands is left out and written anew. */
export function play(script: string): string {
  const scenario = new Scenario()
  const result: string[] = []
  for (const line of script.split('\n')) {
    if (line.startsWith('  ')) continue
    result.push(line)
    if (line.startsWith('> ')) for (const happened of scenario.do(line.slice(2).trim())) result.push(`  ${happened}`)
  }
  return result.join('\n')
}
