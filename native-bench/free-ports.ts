import { createServer } from 'node:net'

/**
 * Below what the kernel gives to outgoing connections (32768 and up): a port of a node that was killed must still be
 * free when it comes back, though hundreds of connections were dialled in between.
 */
const LOWEST = 20_000
const HIGHEST = 32_000

/** Ports on 127.0.0.1 that nobody listened on just now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries++) {
    if (tries > 1_000) throw new Error(`found no ${count} free ports between ${LOWEST} and ${HIGHEST}`)
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
