// A process of its own, to be recorded: three nodes, and a caller for each group, who says `ack GROUP INSTANCE TOTAL`. When
// there are so many of them, one node is stopped and started again; after as many again the process stops in order, or dies.
// Arguments: directory, ports, acknowledgements, `stop` or `kill`, seed.
import { writeSync } from 'node:fs'
import { Random } from '../../src/base/random.js'
import type { PaxosNode } from '../../src/index.js'
import { GROUPS, NODES, startNode } from './three-nodes.js'

const [base = '', portList = '', wanted = '0', end = 'stop', seed = '1'] = process.argv.slice(2)
const ports = portList.split(',').map(Number)
const random = new Random(Number(seed))
const say = (...words: unknown[]) => writeSync(1, `${words.join(' ')}\n`)
const nodes = new Map<number, PaxosNode>()
let acks = 0
let isOver = false

async function call(group: number): Promise<void> {
  for (let turn = group; !isOver; turn++) {
    const node = nodes.get(NODES[turn % NODES.length] as number)
    // Most are small; some make the file grow by many pages at once.
    const pad = new Uint8Array(random.chance(0.08) ? 20_000 + random.below(60_000) : random.below(300))
    try {
      const answer = await node?.group(group).propose({ add: 1, pad }, { timeoutMs: 5000 })
      if (answer !== undefined) {
        say('ack', group, answer.instance, answer.result)
        acks++
      }
    } catch (error) {
      say('failed', group, (error as { code?: string }).code)
    }
    // The node that is away answers at once: the others are to be heard.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function reached(count: number): Promise<void> {
  while (acks < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

await Promise.all(NODES.map(async (nodeId) => nodes.set(nodeId, await startNode(base, ports, nodeId))))
say('born')
const callers = Array.from({ length: GROUPS }, (_, group) => call(group))
await reached(Number(wanted))
const restarted = nodes.get(2)
nodes.delete(2)
await restarted?.stop()
nodes.set(2, await startNode(base, ports, 2))
await reached(2 * Number(wanted))
if (end === 'kill') process.kill(process.pid, 'SIGKILL')
isOver = true
await Promise.all(callers)
await Promise.all([...nodes.values()].map((node) => node.stop()))
