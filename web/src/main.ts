import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { i18n } from './lib/i18n/index.svelte'

await i18n.load()
mount(App, { target: document.getElementById('app')! })
