"use strict";

/* The search of all pages, in `entries` (entries.js): rows of a name, a kind, a place, a
 * sentence and other words. "/" leads to the box; the arrows, Enter and Escape work in it.
 * A page that is opened with #q=WORDS searches at once. */

const root = document.currentScript.dataset.root;
const most = 40;

/* How well one word fits an entry: 0 is not at all. */
function fit(word, entry) {
    const [name, , , sentence, words] = entry.lower;
    const parts = name.split(/[^\w]+|_/);
    const ways = [
        [name === word, 100],
        [parts.includes(word), 60],
        [name.startsWith(word), 50],
        [parts.some((part) => part.startsWith(word)), 40],
        [name.includes(word), 30],
        [sentence.includes(word), 10],
        [words.includes(word), 4],
    ];
    return ways.find((way) => way[0])?.[1] ?? 0;
}

/* What is less likely to be looked for than a function. */
const less = {type: 1, guide: 3, source: 4, field: 5, enumerator: 5};

/* What fits all the words, the best first. */
function search(text) {
    const words = text.toLowerCase().split(/[\s(),;]+/).filter((word) => word);
    const found = [];
    for (const entry of words.length ? entries : []) {
        entry.lower = entry.lower || entry.map((part) => part.toLowerCase());
        const fits = words.map((word) => fit(word, entry));
        if (fits.every((n) => n)) {
            const sum = fits.reduce((a, b) => a + b);
            found.push({entry, rank: sum - (less[entry[1]] ?? 0) - entry[0].length / 100});
        }
    }
    return found.sort((a, b) => b.rank - a.rank).slice(0, most).map((f) => f.entry);
}

const box = document.getElementById("search");
const list = document.getElementById("found");
let chosen = -1;

function choose(i) {
    const rows = [...list.querySelectorAll("[role=option]")];
    chosen = rows.length ? (i + rows.length) % rows.length : -1;
    rows.forEach((row, n) => row.setAttribute("aria-selected", n === chosen));
    if (chosen >= 0) {
        rows[chosen].scrollIntoView({block: "nearest"});
        box.setAttribute("aria-activedescendant", rows[chosen].id);
    }
}

function rowOf(entry, i) {
    const [name, kind, place, sentence] = entry;
    const row = document.createElement("li");
    const link = document.createElement("a");
    row.id = "found" + i;
    row.setAttribute("role", "option");
    link.href = root + place;
    link.tabIndex = -1;
    for (const [tag, text] of [["b", name], ["i", kind], ["span", sentence]]) {
        link.appendChild(document.createElement(tag)).textContent = text;
    }
    link.addEventListener("click", close);
    row.appendChild(link);
    return row;
}

function close() {
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
}

function show() {
    const found = search(box.value);
    list.replaceChildren(...found.map(rowOf));
    if (!found.length) {
        const none = list.appendChild(document.createElement("li"));
        none.className = "none";
        none.textContent = "Nothing found.";
    }
    list.hidden = !box.value.trim();
    box.setAttribute("aria-expanded", String(!list.hidden));
    choose(0);
}

const keys = {
    ArrowDown: () => choose(chosen + 1),
    ArrowUp: () => choose(chosen - 1),
    Enter: () => list.querySelector("[aria-selected=true] a")?.click(),
    Escape: () => {
        close();
        box.blur();
    },
};

box.addEventListener("input", show);
box.addEventListener("focus", () => box.value.trim() && show());
box.addEventListener("keydown", (event) => {
    if (keys[event.key] && (event.key === "Escape" || !list.hidden)) {
        event.preventDefault();
        keys[event.key]();
    }
});
document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && event.target !== box) {
        event.preventDefault();
        box.focus();
        box.select();
    }
});
document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) {
        close();
    }
});

function fromAddress() {
    const asked = /^#q=(.*)$/.exec(location.hash);
    if (asked) {
        box.value = decodeURIComponent(asked[1].replaceAll("+", " "));
        box.focus();
        show();
    }
}

window.addEventListener("hashchange", fromAddress);
fromAddress();

const side = document.querySelector(".side");
if (side) {
    side.open = matchMedia("(min-width: 64rem)").matches;
}
