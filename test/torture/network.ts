import type { Random } from '../../src/base/random.js'
import { LinkProxy, type LinkRule, OPEN } from './link-proxy.js'

interface Link {
  readonly from: number
  readonly to: number
  readonly proxy: LinkProxy
}

/** All ways between nodes. A node sends on the connection that it dials: so one direction can be cut alone. */
export class Network {
  readonly #links: readonly Link[]

  private constructor(links: readonly Link[]) {
    this.#links = links
  }

  /** `ports`: where the nodes listen, by their ids from 1. */
  static async between(ports: readonly number[]): Promise<Network> {
    const links: Link[] = []
    for (const [f] of ports.entries()) {
      for (const [t, port] of ports.entries()) {
        if (f !== t) links.push({ from: f + 1, to: t + 1, proxy: await LinkProxy.listen(port) })
      }
    }
    return new Network(links)
  }

  /** Where `from` dials `to`. */
  port(from: number, to: number): number {
    return this.#links.find((link) => link.from === from && link.to === to)!.proxy.port
  }

  set(rule: LinkRule, isHit: (from: number, to: number) => boolean): void {
    for (const { from, to, proxy } of this.#links) if (isHit(from, to)) proxy.rule = rule
  }

  cut(isHit: (from: number, to: number) => boolean): void {
    for (const { from, to, proxy } of this.#links) if (isHit(from, to)) proxy.cut()
  }

  heal(): void {
    for (const { proxy } of this.#links) proxy.rule = OPEN
  }

  close(): void {
    for (const { proxy } of this.#links) proxy.close()
  }
}

export interface Shape {
  readonly name: string
  readonly isHit: (from: number, to: number) => boolean
}

/** Which links a partition hits. */
export function drawShape(random: Random, nodes: number, leader: number): Shape {
  // The leader is where it hurts.
  const victim = leader > 0 && random.chance(0.5) ? leader : 1 + random.below(nodes)
  const other = 1 + ((victim + random.below(nodes - 1)) % nodes)
  const bits = random.uint32()
  const side = (node: number): number => (bits >>> node) & 1
  const shapes: readonly Shape[] = [
    { name: `${victim} alone`, isHit: (from, to) => from === victim || to === victim },
    { name: `${victim} alone`, isHit: (from, to) => from === victim || to === victim },
    { name: `${victim} is not heard`, isHit: (from) => from === victim },
    { name: `${victim} does not hear`, isHit: (_, to) => to === victim },
    { name: `${victim} to ${other}`, isHit: (from, to) => from === victim && to === other },
    {
      name: `between ${victim} and ${other}`,
      isHit: (from, to) => (from === victim && to === other) || (from === other && to === victim),
    },
    { name: 'two sides', isHit: (from, to) => side(from) !== side(to) },
    { name: 'some ways', isHit: (from, to) => ((bits >>> ((from * nodes + to) % 32)) & 1) === 1 },
    { name: 'all', isHit: () => true },
  ]
  return shapes[random.below(shapes.length)]!
}
