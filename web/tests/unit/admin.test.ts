import { describe, expect, it } from 'vitest'
import { parseSkills } from '../../src/lib/skills'
import { draw, waysOf } from '../../src/lib/tree'
import { TREE } from '../mock/admin'

describe('skills', () => {
  it('are read as people write them', () => {
    expect(parseSkills('water=3, heating = 5')).toEqual({ water: 3, heating: 5 })
    expect(parseSkills(' ')).toEqual({})
    for (const wrong of ['water', 'water=', 'water=6', '=3', 'water=3 heating=5']) expect(parseSkills(wrong), wrong).toBeNull()
  })
})

describe('the drawing of the voice menu', () => {
  const drawing = draw(TREE)

  it('has every node once, in a place of its own, the start alone in front', () => {
    expect(drawing.boxes.map((box) => box.node.name).sort()).toEqual(TREE.nodes.map((node) => node.name).sort())
    expect(new Set(drawing.boxes.map((box) => `${box.column} ${box.row}`)).size).toBe(TREE.nodes.length)
    expect(drawing.boxes.filter((box) => box.column === 0).map((box) => box.node.name)).toEqual([TREE.start])
  })
  it('has one way for each pair, with all its keys', () => {
    const ways = waysOf(TREE)
    expect(ways.find((way) => way.from === 'closed' && way.to === 'message')?.labels).toEqual(['2', 'no_input', 'no_match'])
    expect(new Set(ways.map((way) => `${way.from} ${way.to}`)).size).toBe(ways.length)
    expect(ways.every((way) => way.from !== way.to)).toBe(true)
  })
  it('crosses less than in the order of the file', () => {
    const crossings = (row: (name: string) => number) => {
      const column = new Map(drawing.boxes.map((box) => [box.node.name, box.column]))
      const near = drawing.ways.filter((way) => column.get(way.to) === column.get(way.from)! + 1)
      let count = 0
      for (const a of near) for (const b of near) if (column.get(a.from) === column.get(b.from) && row(a.from) < row(b.from) && row(a.to) > row(b.to)) count += 1
      return count
    }
    const drawn = new Map(drawing.boxes.map((box) => [box.node.name, box.row]))
    const written = TREE.nodes.map((node) => node.name)
    expect(crossings((name) => drawn.get(name)!)).toBeLessThan(crossings((name) => written.indexOf(name)))
  })
})
