// The voice menu as a drawing: nodes in columns by their distance from the start, ordered so that ways cross seldom.
// Pure geometry; positions are along the reading direction, so that the page can mirror them.
import type { Tree, TreeNode } from './api/admin'

export interface Box { node: TreeNode; column: number; row: number }
export interface Way { from: string; to: string; labels: string[] }
export interface Drawing { boxes: Box[]; ways: Way[]; columns: number; rows: number }

/** Sweeps over the columns; more change nothing that anybody would see. */
const SWEEPS = 8

/** One way for each pair of nodes, however many keys lead there. */
export function waysOf(tree: Tree): Way[] {
  const ways = new Map<string, Way>()
  for (const node of tree.nodes) {
    for (const exit of node.exits) {
      if (exit.to === null || exit.to === node.name) continue
      const key = `${node.name} ${exit.to}`
      const label = exit.by === 'key' ? (exit.key ?? '') : exit.by
      const known = ways.get(key)
      if (known) known.labels.push(label)
      else ways.set(key, { from: node.name, to: exit.to, labels: [label] })
    }
  }
  return [...ways.values()]
}

/** Steps from the start to each node that can be reached, by the shortest way. */
function distances(tree: Tree, ways: Way[]): Map<string, number> {
  const far = new Map([[tree.start, 0]])
  const queue = [tree.start]
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    for (const way of ways.filter((way) => way.from === name && !far.has(way.to))) {
      far.set(way.to, far.get(name)! + 1)
      queue.push(way.to)
    }
  }
  return far
}

export function draw(tree: Tree): Drawing {
  const ways = waysOf(tree)
  const far = distances(tree, ways)
  const columns: string[][] = []
  for (const node of tree.nodes) {
    const column = far.get(node.name) ?? 0
    ;(columns[column] ??= []).push(node.name)
  }
  const row = new Map<string, number>()
  const number = (names: string[]) => names.forEach((name, index) => row.set(name, index))
  columns.forEach(number)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0
    for (const names of forward ? columns : [...columns].reverse()) {
      const middle = new Map(names.map((name) => {
        const neighbours = ways.flatMap((way) => (forward ? way.to === name ? [way.from] : [] : way.from === name ? [way.to] : []))
          .filter((other) => far.get(other) !== far.get(name))
        const places = neighbours.map((other) => row.get(other) ?? 0)
        return [name, places.length ? places.reduce((sum, place) => sum + place, 0) / places.length : row.get(name)!]
      }))
      names.sort((a, b) => middle.get(a)! - middle.get(b)! || row.get(a)! - row.get(b)!)
      number(names)
    }
  }
  const rows = Math.max(0, ...columns.map((names) => names.length))
  const byName = new Map(tree.nodes.map((node) => [node.name, node]))
  // Each column stands in the middle of the height.
  const boxes = columns.flatMap((names, column) => names.map((name, index) => ({ node: byName.get(name)!, column, row: index + (rows - names.length) / 2 })))
  return { boxes, ways, columns: columns.length, rows }
}
