import { describe, expect, test } from '@jest/globals'
import { parseAddress } from '../../src/host/addresses.js'
import type { PaxosOptions } from '../../src/host/option-schema.js'
import { parseOptions, parseSync } from '../../src/host/options.js'
import { codeOf } from '../../src/host/paxos-error.js'

const good: PaxosOptions = {
  nodeId: 1,
  nodes: { 1: '127.0.0.1:7001', 2: 'host-b:7002', 3: '[::1]:7003' },
  dataDir: './data',
  stateMachines: [new URL('file:///machine.js')],
  clusterSecret: 'secret',
}

function refusal(changes: object): string {
  try {
    parseOptions({ ...good, ...changes } as PaxosOptions)
  } catch (error) {
    expect(codeOf(error)).toBe('INVALID_OPTION')
    return (error as Error).message
  }
  throw new Error(`taken: ${JSON.stringify(changes)}`)
}

describe('options', () => {
  test('the least that must be given, and what follows from it', () => {
    const settings = parseOptions(good)
    expect(settings.nodeIds).toEqual([1, 2, 3])
    expect(settings.nodes.get(3)).toEqual({ host: '::1', port: 7003 })
    expect(settings.dataDir.startsWith('/')).toBe(true)
    expect(settings.timeouts.proposeMs).toBe(10_000)
    expect(settings.wantedGroups).toBeGreaterThan(0)
    expect(settings.stateMachines).toEqual(['file:///machine.js'])
  })

  test('a string is taken for the URL of a state machine', () => {
    expect(parseOptions({ ...good, stateMachines: ['file:///a.js'] }).stateMachines).toEqual(['file:///a.js'])
  })

  test('tuning that is not given keeps its defaults', () => {
    const { tuning } = parseOptions({ ...good, tuning: { window: 3, batchBytes: undefined } })
    expect(tuning.window).toBe(3)
    expect(tuning.batchBytes).toBeGreaterThan(0)
  })

  // The change, and what the message must name: the field, what it got, what it takes.
  const refused: [string, object, RegExp][] = [
    ['a node id out of range', { nodeId: 0 }, /option nodeId: got 0/],
    ['a node id as text', { nodeId: '1' }, /option nodeId: got "1"/],
    [
      'a node that is not in the list',
      { nodeId: 9 },
      /option nodeId: got 9, takes one of the ids in nodes \(1, 2, 3\)/,
    ],
    ['no nodes', { nodes: {} }, /option nodeId: got 1/],
    ['a node id of the list out of range', { nodes: { 70000: 'a:1', 1: 'b:2' } }, /option nodes: got "70000"/],
    ['an address without a port', { nodes: { 1: 'localhost' } }, /option nodes\.1: got "localhost", takes .*address/],
    ['a port out of range', { nodes: { 1: 'localhost:65536' } }, /option nodes\.1/],
    [
      'one address twice',
      { nodes: { 1: 'a:1', 2: 'a:1' } },
      /option nodes\.2: got "a:1", takes an address of its own, node 1/,
    ],
    ['no data directory', { dataDir: undefined }, /option dataDir: got nothing/],
    ['no secret', { clusterSecret: undefined }, /option clusterSecret: got nothing/],
    ['an empty secret', { clusterSecret: '' }, /option clusterSecret: got "\(a secret\)", takes a shared secret/],
    ['no state machine', { stateMachines: [] }, /option stateMachines: got \[\]/],
    [
      'a state machine that is no URL',
      { stateMachines: ['./machine.js'] },
      /option stateMachines\.0: got "\.\/machine\.js"/,
    ],
    ['groups of neither kind', { groups: 4 }, /option groups: got 4/],
    ['too many groups', { groups: { count: 65_536 } }, /option groups/],
    [
      'more stores than groups',
      { groups: { count: 2 }, stores: 3 },
      /option stores: got 3, takes at most one store per group \(2\)/,
    ],
    [
      'more threads than stores',
      { groups: { count: 2 }, threads: 3 },
      /option threads: got 3, takes at most one thread per store \(2\)/,
    ],
    ['an unknown option', { nodeID: 1 }, /option nodeID: there is no such option/],
    [
      'an unknown option inside of another',
      { timeouts: { proposeSeconds: 1 } },
      /option timeouts\.proposeSeconds: there is no/,
    ],
    ['a listener that there is not', { listener: 'tcp' }, /option listener: got "tcp", takes/],
    ['a logger that is none', { logger: console.log }, /option logger: .*takes an object with the functions/],
    ['a bigint', { threads: 4n }, /option threads: got 4n/],
    [
      'a command that no queue may hold',
      { admission: { maxWaitingBytes: 1024 } },
      /option admission\.maxWaitingBytes: got 1024, takes at least \d+: /,
    ],
    [
      'a back-off above its bound',
      { tuning: { backOffMs: 50, maxBackOffMs: 20 } },
      /option tuning\.backOffMs: got 50, takes at most 20: /,
    ],
    ['a suspicion before the first resend', { tuning: { suspectMs: 20, resendMs: 100 } }, /option tuning\.suspectMs/],
    ['a batch that no ring carries', { tuning: { batchBytes: 1 << 29 } }, /option /],
    [
      'links that cannot hold one frame',
      { memory: { linkBytes: 65_536 } },
      /option memory\.linkBytes: got 65536, takes at least/,
    ],
    ['too little memory', { maxMemoryBytes: 1024 * 1024 }, /option maxMemoryBytes: got 1048576, takes at least \d+/],
    [
      'too little memory for the state of all stores',
      { groups: { count: 2 }, state: { cacheBytes: 2 ** 40 }, maxMemoryBytes: 2 ** 40 },
      /option maxMemoryBytes: got \d+, takes at least 2\d{12}: .* the state of 2 stores/,
    ],
    ['checkpoints that are not kept', { checkpoints: { keep: 0 } }, /option checkpoints\.keep: got 0/],
    ['a negative hold', { trimming: { holdInstances: -1 } }, /option trimming\.holdInstances: got -1/],
    ['a state that is never committed', { state: { commitMs: 0 } }, /option state\.commitMs: got 0/],
    ['another way to flush', { sync: 'sometimes' }, /option sync: got "sometimes", takes .*"always".*"never"/],
    ['an interval of nothing', { sync: { intervalMs: 0 } }, /option sync(\.intervalMs)?: got /],
    ['an interval without its name', { sync: 100 }, /option sync: got 100/],
    ['nothing at all', { nodeId: undefined, nodes: undefined }, /option nodeId: got nothing/],
  ]
  test.each(refused)('%s is refused', (_, changes, message) => {
    expect(refusal(changes)).toMatch(message)
  })

  test.each(['always', 'never', { intervalMs: 100 }] as const)('votes may be flushed %j', (sync) => {
    expect(parseOptions({ ...good, sync }).sync).toEqual(sync)
    expect(parseSync(sync)).toEqual(sync)
    expect(parseOptions(good).sync).toBe('always')
  })

  test.each([undefined, null, 'sometimes', 5, {}, { intervalMs: '5' }])('a change to %j is refused', (mode) => {
    expect(() => parseSync(mode)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })

  test('the secret never stands in a message', () => {
    expect(refusal({ clusterSecret: 42 })).not.toContain('42')
  })

  test('what is no object is refused', () => {
    for (const nothing of [undefined, null, 7, 'options']) {
      expect(() => parseOptions(nothing as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
  })
})

describe('addresses', () => {
  test.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['node-1.example.org:65535', { host: 'node-1.example.org', port: 65_535 }],
    ['[::1]:7000', { host: '::1', port: 7000 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
  ])('%s', (text, address) => expect(parseAddress(text)).toEqual(address))

  test.each(['', ':80', 'a', 'a:', 'a:0', 'a:65536', '::1:80', '[a]:80', 'http://a:80', 'a b:80', 'a:80x'])(
    '%s is none',
    (text) => expect(parseAddress(text)).toBeUndefined(),
  )
})
