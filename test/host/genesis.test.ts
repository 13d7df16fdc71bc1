import { describe, expect, test } from '@jest/globals'
import { Birth, type Genesis, type GenesisMessage, readGenesisMessage } from '../../src/host/genesis.js'

/** Nodes with control channels in memory. `genesis` stands for what is on disk. */
class Town {
  readonly nodes = new Map<
    number,
    { voterId: string; birth: Birth | undefined; genesis: Genesis | null; list: number[] }
  >()
  readonly down = new Set<number>()

  add(nodeId: number, list: number[], create = true, genesis: Genesis | null = null): void {
    const voterId = `${nodeId}${this.nodes.size}`.padStart(16, '0')
    const send = (peer: number, message: GenesisMessage) => this.deliver(nodeId, peer, message)
    const birth = genesis ? undefined : new Birth({ nodeId, voterId, nodeIds: list, create, groups: 4, send })
    this.nodes.set(nodeId, { voterId, birth, genesis, list })
  }

  deliver(from: number, to: number, sent: GenesisMessage): void {
    const node = this.nodes.get(to)
    const message = readGenesisMessage(structuredClone(sent))
    if (node === undefined || message === undefined || this.down.has(to) || this.down.has(from)) return
    if (message.kind === 'genesis-ask') {
      this.deliver(to, from, { kind: 'genesis-answer', voterId: node.voterId, nodes: node.list, genesis: node.genesis })
    } else node.birth?.answered(from, message)
  }

  /** Everybody asks; whoever has found a genesis makes it durable. */
  round(): void {
    for (const node of this.nodes.values()) {
      node.birth?.ask()
      node.genesis ??= node.birth?.found ?? null
    }
  }

  clusterIds(): (string | undefined)[] {
    return [...this.nodes.values()].map(({ genesis }) => genesis?.clusterId)
  }
}

describe('genesis', () => {
  test('the lowest of three empty nodes draws it, and all have the same', () => {
    const town = new Town()
    for (const id of [1, 2, 3]) town.add(id, [1, 2, 3])
    for (let i = 0; i < 3; i++) town.round()
    const [first] = town.clusterIds()
    expect(first).toMatch(/^[0-9a-f]{16}$/)
    expect(town.clusterIds()).toEqual([first, first, first])
    expect(town.nodes.get(2)?.genesis?.voters.map(({ voterId }) => voterId)).toEqual(
      [...town.nodes.values()].map(({ voterId }) => voterId),
    )
    expect(town.nodes.get(3)?.genesis?.routingGroups).toBe(4)
  })

  test('nobody draws while one of the list is away', () => {
    const town = new Town()
    for (const id of [1, 2, 3]) town.add(id, [1, 2, 3])
    town.down.add(3)
    for (let i = 0; i < 5; i++) town.round()
    expect(town.clusterIds()).toEqual([undefined, undefined, undefined])
    expect(town.nodes.get(1)?.birth?.waitingFor).toEqual([3])
    town.down.clear()
    for (let i = 0; i < 3; i++) town.round()
    expect(new Set(town.clusterIds()).size).toBe(1)
  })

  test('nobody draws without create on the lowest node', () => {
    const town = new Town()
    town.add(1, [1, 2], false)
    town.add(2, [1, 2], true)
    for (let i = 0; i < 5; i++) town.round()
    expect(town.clusterIds()).toEqual([undefined, undefined])
  })

  test('a birth that broke off is completed with the same genesis', () => {
    const town = new Town()
    for (const id of [1, 2, 3]) town.add(id, [1, 2, 3])
    town.nodes.get(1)?.birth?.ask()
    const drawn = town.nodes.get(1)?.birth?.found
    expect(drawn).toBeDefined()
    // Node 1 has stored it, and crashes before anybody heard of it; node 2 was restarted as well.
    const again = new Town()
    again.add(1, [1, 2, 3], true, drawn)
    again.add(2, [1, 2, 3])
    again.add(3, [1, 2, 3])
    for (let i = 0; i < 3; i++) again.round()
    expect(again.clusterIds()).toEqual([drawn?.clusterId, drawn?.clusterId, drawn?.clusterId])
  })

  test('an empty lowest node of a living cluster takes the genesis it finds, even before all have answered', () => {
    const living: Genesis = {
      clusterId: 'a'.repeat(16),
      groupCount: 4,
      routingGroups: 4,
      voters: [{ nodeId: 2, voterId: 'b'.repeat(16) }],
    }
    const town = new Town()
    town.add(1, [1, 2, 3])
    town.add(2, [1, 2, 3], true, living)
    town.add(3, [1, 2, 3])
    town.down.add(3)
    town.round()
    expect(town.nodes.get(1)?.genesis?.clusterId).toBe(living.clusterId)
  })

  test('a node with another list is no part of the birth', () => {
    const town = new Town()
    town.add(1, [1, 2])
    town.add(2, [1, 2, 3])
    for (let i = 0; i < 3; i++) town.round()
    expect(town.clusterIds()).toEqual([undefined, undefined])
    expect(town.nodes.get(1)?.birth?.refusal).toMatch(/node 2 was started with the nodes 1, 2, 3/)
  })

  test('a node that went away after its answer must answer again', () => {
    const sent: number[] = []
    const birth = new Birth({
      nodeId: 1,
      voterId: '1'.repeat(16),
      nodeIds: [1, 2, 3],
      create: true,
      groups: 1,
      send: (peer) => sent.push(peer),
    })
    const answer = { kind: 'genesis-answer' as const, nodes: [1, 2, 3], genesis: null }
    birth.answered(2, { ...answer, voterId: '2'.repeat(16) })
    birth.linkDown(2)
    birth.answered(3, { ...answer, voterId: '3'.repeat(16) })
    expect(birth.found).toBeUndefined()
    birth.answered(2, { ...answer, voterId: '4'.repeat(16) })
    expect(birth.found?.voters[1]).toEqual({ nodeId: 2, voterId: '4'.repeat(16) })
  })

  test('a single node is born at once', () => {
    const town = new Town()
    town.add(7, [7])
    town.round()
    expect(town.nodes.get(7)?.genesis?.voters).toHaveLength(1)
  })

  test.each([
    undefined,
    null,
    7,
    {},
    { kind: 'genesis-ask', more: 1 },
    { kind: 'genesis-answer', voterId: 'x', nodes: [], genesis: null },
    {
      kind: 'genesis-answer',
      voterId: 'a'.repeat(16),
      nodes: [1],
      genesis: { clusterId: 'a'.repeat(16), groupCount: 0, routingGroups: 1, voters: [] },
    },
  ])('what is no message of ours is none: %j', (payload) => {
    expect(readGenesisMessage(payload)).toBeUndefined()
  })
})
