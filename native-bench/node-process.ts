// One node of a benchmark's cluster, in a process of its own.
import { groupStates, nodeTarget, sampleNode, startNode } from './bench-node.js'
import { serveParent, settingsFromParent } from './child-channel.js'
import { LoadService } from './load/remote-load.js'
import type { NodeSettings } from './node-settings.js'
import { type InsightRequest, NodeInsight } from './stages/node-insight.js'

const settings = settingsFromParent<NodeSettings>()
const insight = new NodeInsight(settings.nodeId)
const starting = startNode(settings, insight)
// A failure reaches the parent as the answer to its first request.
starting.catch(() => undefined)

const load = new LoadService()

serveParent(async (kind, body) => {
  const node = await starting
  switch (kind) {
    case 'ready':
      return true
    case 'sample':
      return sampleNode(node, settings)
    case 'groups':
      return groupStates(node)
    case 'propose': {
      const { group, bytes } = body as { group: number; bytes: number }
      await node.group(group).propose(new Uint8Array(bytes))
      return true
    }
    case 'insight':
      return insight.answer(node, body as InsightRequest)
    case 'status':
      return node.status()
    case 'stop':
      await node.stop()
      process.disconnect()
      return true
    default: {
      const answer = load.answer(nodeTarget(node), kind, body)
      if (answer === undefined) throw new Error(`no request ${kind}`)
      return answer
    }
  }
})
