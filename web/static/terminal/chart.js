// The candlestick chart: candles from REST, and the last ones grown by the trades that come. Floats are for drawing only.
import { CandlestickSeries, ColorType, HistogramSeries, createChart } from "../vendor/lightweight-charts-5.2.1.mjs";
import { byId } from "./elements.js";
import { places } from "./figures.js";

const SECONDS = { "1m": 60, "5m": 300, "1h": 3600, "1d": 86400 };

export class Chart {
  #chart;
  #candles;
  #volume;
  #drawn = []; // As the library takes them; `volume` beside.
  #seconds = SECONDS["5m"];
  #locale;
  #figures;

  constructor(locale) {
    const place = byId("chart");
    this.#locale = locale;
    this.#figures = new Intl.NumberFormat(locale, { minimumFractionDigits: 2 });
    const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
    const both = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const moment = (seconds) => new Date(seconds * 1000);
    this.#chart = createChart(place, {
      autoSize: true,
      layout: { attributionLogo: false, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 },
      localization: { locale, timeFormatter: (seconds) => both.format(moment(seconds)), priceFormatter: (price) => this.#figures.format(price) },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, tickMarkFormatter: (seconds, kind) => (kind < 3 ? date : time).format(moment(seconds)) },
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.22 } },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.#volume = this.#chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    document.documentElement.addEventListener("theme", () => this.#paint());
    this.#paint();
  }

  show(market, interval, candles) {
    this.#seconds = SECONDS[interval];
    const decimals = Math.max(2, places(market.tick_size));
    this.#figures = new Intl.NumberFormat(this.#locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    this.#candles.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 1 / 10 ** decimals } });
    this.#drawn = candles.map((candle) => ({
      time: Date.parse(candle.opens_at) / 1000,
      open: Number(candle.open), high: Number(candle.high), low: Number(candle.low), close: Number(candle.close), volume: Number(candle.volume),
    }));
    this.#draw();
    this.#chart.timeScale().applyOptions({ barSpacing: 9 });
    this.#chart.timeScale().scrollToRealTime();
  }

  add(trade) {
    const time = Math.floor(Date.parse(trade.occurred_at) / 1000 / this.#seconds) * this.#seconds;
    const price = Number(trade.price);
    const last = this.#drawn.at(-1);
    if (last && time < last.time) return;
    if (last && last.time === time) {
      Object.assign(last, { high: Math.max(last.high, price), low: Math.min(last.low, price), close: price, volume: last.volume + Number(trade.quantity) });
    } else {
      this.#drawn.push({ time, open: price, high: price, low: price, close: price, volume: Number(trade.quantity) });
    }
    this.#candles.update(this.#drawn.at(-1));
    this.#volume.update(this.#bar(this.#drawn.at(-1)));
    this.#tellEmpty();
  }

  #draw() {
    this.#candles.setData(this.#drawn);
    this.#volume.setData(this.#drawn.map((candle) => this.#bar(candle)));
    this.#tellEmpty();
  }

  #tellEmpty() {
    byId("chart-empty").hidden = this.#drawn.length > 0;
  }

  #bar({ time, volume, open, close }) {
    return { time, value: volume, color: close >= open ? this.colours.upSoft : this.colours.downSoft };
  }

  #paint() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => resolved(style.getPropertyValue(`--${name}`));
    this.colours = { up: colour("up"), down: colour("down"), upSoft: colour("up-soft"), downSoft: colour("down-soft") };
    const line = { color: colour("line") };
    this.#chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: colour("panel") }, textColor: colour("quiet") },
      grid: { vertLines: line, horzLines: line },
      rightPriceScale: { borderColor: line.color },
      timeScale: { borderColor: line.color },
    });
    // A rising candle is hollow, a falling one full: not by colour alone.
    this.#candles.applyOptions({
      upColor: colour("panel"), downColor: this.colours.down, borderVisible: true, borderUpColor: this.colours.up,
      priceLineColor: colour("accent"), borderDownColor: this.colours.down, wickUpColor: this.colours.up, wickDownColor: this.colours.down,
    });
    this.#draw();
  }
}

// A custom property as a colour that a canvas takes.
function resolved(value) {
  const probe = document.createElement("span");
  probe.style.color = value;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
