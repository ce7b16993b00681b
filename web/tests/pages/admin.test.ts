// The administrator's pages: what is shown, what is asked of the service, and what becomes of refusals.
import { describe, expect, it } from 'vitest'
import { expectSound, mock, stage, visit } from './browser'

stage()

const open = (path: string, options: Partial<Parameters<typeof visit>[1]> = {}) => visit(path, { user: 'admin', lang: 'en', ...options })
const sent = (method: string, path: string) => mock.api.asked.filter((one) => one.method === method && one.url.startsWith(`/api/v1/admin/${path}`)).map((one) => one.body as Record<string, unknown>)

describe('sections', () => {
  it('have addresses of their own and are told to the screen reader', async () => {
    const { page, close } = await open('/admin')
    await page.getByRole('link', { name: 'Queues' }).click()
    expect(new URL(page.url()).pathname).toBe('/admin/queues')
    await page.getByRole('heading', { level: 1, name: 'Queues' }).waitFor()
    expect(await page.getByRole('link', { name: 'Queues' }).getAttribute('aria-current')).toBe('page')
    expect(await page.title()).toContain('Queues')
    await page.goto(`${mock.url}/admin/ivr`)
    await page.getByRole('heading', { level: 1, name: 'Voice menu' }).waitFor()
    await close()
  })
  it('are closed to others', async () => {
    const { page, close } = await open('/admin/trunks', { user: 'supervisor' })
    await page.getByText('This page is not for your role').waitFor()
    expect(mock.api.asked.some((one) => one.url.includes('/admin/'))).toBe(false)
    await close()
  })
})

describe('service', () => {
  it('is taken out and back, after a question', async () => {
    const visited = await open('/admin')
    const { page } = visited
    await page.getByText('New calls are taken.').waitFor()
    await page.getByRole('button', { name: 'Take out of service' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    expect(sent('POST', 'drain')).toEqual([])
    await page.getByRole('button', { name: 'Take out of service' }).click()
    await dialog.getByRole('button', { name: 'Take out of service' }).click()
    await page.getByText('No new calls: this node is out of service').waitFor()
    await page.getByText('Calls still on: 12').waitFor()
    expect(sent('POST', 'drain')).toHaveLength(1)
    await expectSound(visited)
    await page.getByRole('button', { name: 'Take calls again' }).click()
    await page.getByText('New calls are taken.').waitFor()
    expect(sent('DELETE', 'drain')).toHaveLength(1)
    await visited.close()
  })
})

describe('trunks', () => {
  it('say why the provider refuses, and show the messages', async () => {
    const visited = await open('/admin/trunks')
    const trunk = visited.page.getByRole('region', { name: 'kyivstar' })
    await trunk.getByText('the provider refused, code 403').waitFor()
    await trunk.getByRole('button', { name: 'Exchange with the provider' }).click()
    await trunk.getByRole('button', { name: /403 Forbidden/ }).click()
    await trunk.getByText('CSeq: 2 REGISTER').waitFor()
    await visited.page.screenshot({ path: 'screenshots/admin-trunk-ladder.en.desk.png', fullPage: true })
    await expectSound(visited)
    await visited.close()
  })
})

describe('people', () => {
  it('a new operator is added and given a phone', async () => {
    const visited = await open('/admin/operators', { lang: 'uk' })
    const { page } = visited
    await page.getByRole('button', { name: 'Додати людину' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Ім’я для входу').fill('Леся')
    await dialog.getByLabel('Пароль для входу').fill('correct horse')
    await dialog.getByLabel('польська').check()
    await dialog.getByLabel('Навички').fill('water=9')
    expect(await dialog.getByRole('button', { name: 'Зберегти' }).isDisabled()).toBe(true)
    await dialog.getByLabel('Навички').fill('water=3')
    await page.screenshot({ path: 'screenshots/admin-person.uk.desk.png' })
    await dialog.getByRole('button', { name: 'Зберегти' }).click()
    await dialog.getByLabel('Внутрішній номер').fill('101')
    await dialog.getByRole('button', { name: 'Показати налаштування' }).click()
    await dialog.getByText('extension 101 already exists').waitFor()
    await dialog.getByLabel('Внутрішній номер').fill('120')
    await dialog.getByRole('button', { name: 'Показати налаштування' }).click()
    await dialog.getByText('7f3a9c01d8e24b6650af').waitFor()
    expect(sent('POST', 'users')[0]).toMatchObject({ name: 'Леся', role: 'operator', languages: ['uk', 'pl'], queues: ['city', 'emergency', 'duty'], skills: { water: 3 } })
    expect(sent('POST', 'users').at(-1)).toEqual({ origin: mock.url, extension: '120', new_password: true })
    await page.screenshot({ path: 'screenshots/admin-phone.uk.desk.png' })
    visited.complaints.length = 0 // Chromium logs the 409.
    await expectSound(visited)
    await visited.close()
  })
  it('the dialog of a phone reads well on a phone in Hebrew', async () => {
    const visited = await open('/admin/operators', { lang: 'he', size: 'phone' })
    const { page } = visited
    await page.getByRole('listitem').filter({ hasText: 'Олена Коваль' }).getByRole('button', { name: 'הגדרת טלפון' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'הצגת ההגדרות' }).click()
    await page.getByRole('dialog').getByText('סיסמת הטלפון לא שונתה').waitFor()
    await page.screenshot({ path: 'screenshots/admin-phone.he.phone.png' })
    await expectSound(visited)
    await visited.close()
  })
  it('the last administrator stays', async () => {
    const { page, close } = await open('/admin/operators')
    const admin = page.getByRole('listitem').filter({ hasText: 'Наталя Дяченко' })
    await admin.getByRole('button', { name: 'Block' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Block' }).click()
    await page.getByText('This is the last administrator who is let in').waitFor()
    await close()
  })
  it('somebody is blocked and comes back', async () => {
    const { page, close } = await open('/admin/operators')
    const person = page.getByRole('listitem').filter({ hasText: 'Богдан Левчук' })
    await person.getByRole('button', { name: 'Block' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Block' }).click()
    await person.getByText('blocked').waitFor()
    await person.getByRole('button', { name: 'Unblock' }).click()
    await person.getByRole('button', { name: 'Block', exact: true }).waitFor()
    expect(sent('PATCH', 'users')).toEqual([{ blocked: true }, { blocked: false }])
    await close()
  })
})

describe('the voice menu', () => {
  it('is walked by keyboard, and the way is shown', async () => {
    const visited = await open('/admin/ivr')
    const { page } = visited
    await page.getByRole('button', { name: /^topics menu/ }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'topics' }).waitFor()
    await page.locator('.chosen').getByText('key 1').waitFor()
    await page.getByRole('button', { name: 'Walk it as a caller' }).click()
    const trial = page.getByRole('region', { name: 'Trial call' })
    await trial.getByText('Waits for a key').waitFor()
    await trial.getByRole('button', { name: '2', exact: true }).click()
    await trial.getByText('Language: English').waitFor()
    await trial.getByRole('button', { name: '1', exact: true }).click()
    await trial.getByText('The call joins the queue “city”').waitFor()
    expect(sent('POST', 'dialplan/simulate').at(-1)).toEqual({ inputs: ['2', '1'] })
    expect(await page.locator('.node.walked').count()).toBeGreaterThan(5)
    await page.screenshot({ path: 'screenshots/admin-ivr-trial.en.desk.png' })
    await trial.getByRole('button', { name: 'The queue is full' }).click()
    await trial.getByText('The call joins the queue').waitFor({ state: 'detached' })
    await trial.getByRole('button', { name: 'One step back' }).click()
    await trial.getByText('The call joins the queue “city”').waitFor()
    await expectSound(visited)
    await visited.close()
  })
  it('the drawing mirrors in Hebrew: the start stands on the right', async () => {
    const { page, close } = await open('/admin/ivr', { lang: 'he' })
    const box = (name: string) => page.locator('.node', { hasText: name }).first().evaluate((node) => node.getBoundingClientRect().left)
    expect(await box('greeting')).toBeGreaterThan(await box('language'))
    await close()
  })
  it('is a list on a telephone', async () => {
    const visited = await open('/admin/ivr', { lang: 'uk', size: 'phone' })
    const { page } = visited
    expect(await page.locator('.node').first().isVisible()).toBe(false)
    await page.getByRole('listitem').getByRole('button', { name: 'topics' }).click()
    await page.locator('.list').getByText('клавіша 9').waitFor()
    await page.screenshot({ path: 'screenshots/admin-ivr-list.uk.phone.png' })
    await expectSound(visited)
    await visited.close()
  })
})

describe('prompts', () => {
  it('a recording is refused in words, or taken and waits for publication', async () => {
    const visited = await open('/admin/prompts?language=uk')
    const { page } = visited
    const choose = (name: string, bytes: number) => page.getByLabel(`Upload a recording: ${name}`, { exact: true }).setInputFiles({ name: 'a.wav', mimeType: 'audio/wav', buffer: Buffer.alloc(bytes) })
    await choose('all_busy', 10)
    await page.getByText('This is no WAV that can be used').waitFor()
    await choose('all_busy', 4000)
    await page.getByText('Recording taken: 2.4').waitFor()
    const item = page.getByRole('listitem').filter({ hasText: 'all_busy' }).first()
    await item.getByText('a new recording is heard after publishing').waitFor()
    await page.screenshot({ path: 'screenshots/admin-prompt-upload.en.desk.png' })
    await page.getByRole('link', { name: 'Publishing' }).click()
    await page.getByText('new recording').waitFor()
    visited.complaints.length = 0 // Chromium logs the 422.
    await expectSound(visited)
    await visited.close()
  })
  it('missing ones are found', async () => {
    const { page, close } = await open('/admin/prompts?language=he')
    await page.getByLabel('Show').selectOption({ index: 2 })
    await page.getByText('no sound').waitFor()
    expect(await page.locator('.prompt').count()).toBe(1)
    await close()
  })
})

describe('publishing', () => {
  it('shows the change, publishes, and says what is refused', async () => {
    const visited = await open('/admin/changes')
    const { page } = visited
    await page.getByText('1 = "heating"').waitFor()
    expect(await page.getByText('password = "****"').count()).toBe(2)
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByText('Published at').waitFor()
    await page.getByText('The files are as they are in force.').waitFor()
    await page.getByRole('button', { name: 'Read the files again' }).click()
    await page.getByText('This cannot be published: 2 errors').waitFor()
    await page.getByText('city.toml:41:12').waitFor()
    visited.complaints.length = 0 // Chromium logs the 422.
    await expectSound(visited)
    await visited.close()
  })
  it('goes back to an earlier version, or says why not', async () => {
    const visited = await open('/admin/changes')
    const { page } = visited
    const dialplans = page.locator('.versions li').filter({ hasText: 'Voice menu' })
    await dialplans.last().getByRole('button', { name: 'Compare' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('1 = "heating"').waitFor()
    await dialog.getByRole('button', { name: 'Go back to this version' }).click()
    await dialog.getByText('dialplans/1580.toml:91:1').waitFor()
    await page.screenshot({ path: 'screenshots/admin-restore.en.desk.png' })
    await page.keyboard.press('Escape')
    await dialplans.filter({ hasText: 'set aside' }).getByRole('button', { name: 'Compare' }).click()
    await dialog.getByRole('button', { name: 'Go back to this version' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(await dialplans.first().innerText()).toContain('in force')
    visited.complaints.length = 0 // Chromium logs the 422.
    await expectSound(visited)
    await visited.close()
  })
})
