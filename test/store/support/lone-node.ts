// A process of its own: a cluster of one node with two groups, each in a store of its own, and a caller for each, who says
// what comes of every command. Arguments: data directory, port.
//
//   total G N        what the log held at the start
//   ack G N          a command was executed: the total is N
//   failed G C O     it was not, or nobody knows: code and outcome
//   alarm G C        of a group
//   state G S        its new state
//   refused C        the node does not start
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PaxosError, PaxosNode } from '../../../src/index.js'

const [dataDir = '', port = ''] = process.argv.slice(2)
const say = (...words: unknown[]) => writeSync(1, `${words.join(' ')}\n`)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

async function callFor(node: PaxosNode, index: number): Promise<never> {
  const group = node.group(index)
  for (;;) {
    try {
      const { result } = await group.propose({ add: 1 }, { timeoutMs: 1000 })
      say('ack', index, result)
    } catch (error) {
      const { code, outcome } = error as PaxosError
      say('failed', index, code, outcome)
      await sleep(20)
    }
  }
}

try {
  const node = await PaxosNode.start({
    nodeId: 1,
    nodes: { 1: `127.0.0.1:${port}` },
    dataDir,
    stores: 2,
    groups: { count: 2 },
    stateMachines: [new URL('../../support/machines/counter.js', import.meta.url)],
    clusterSecret: 'a secret of the tests',
    create: true,
    listener: 'ws',
    logger: quiet,
    timeouts: { diskStallMs: 300 },
    memory: { controlRingBytes: 4 << 20, outboxRingBytes: 4 << 20, commandRingBytes: 1 << 20 },
  })
  node.on('alarm', ({ group, code }) => say('alarm', group ?? '-', code))
  node.on('groupState', ({ group, state }) => say('state', group, state))
  for (const index of [0, 1]) say('total', index, await node.group(index).read(undefined, { timeoutMs: 5000 }))
  for (const index of [0, 1]) void callFor(node, index)
} catch (error) {
  say('refused', (error as PaxosError).code)
  process.exitCode = 1
}
