"""Tests for `coco`: files as COCO's specification says."""

import json

import pytest

from jdstyle.datasets import label_table
from jdstyle.errors import InputError

IMAGES = [
    {
        "license": 3,
        "file_name": f"{i:012}.jpg",
        "coco_url": f"http://images.cocodataset.org/val2017/{i:012}.jpg",
        "height": 427,
        "width": 640,
        "date_captured": "2013-11-14 11:18:45",
        "id": i,
    }
    for i in (139, 285)
]
ANNOTATIONS = [
    {
        "segmentation": [[240.86, 211.31, 240.16, 197.19, 236.98, 192.26]],
        "area": 1481.38,
        "iscrowd": 0,
        "image_id": image,
        "bbox": [236.98, 142.51, 24.7, 69.5],
        "category_id": category,
        "id": i,
    }
    for i, (image, category) in enumerate([(139, 64), (139, 64), (285, 2)])
]
CATEGORIES = [
    {"supercategory": "furniture", "id": 64, "name": "potted plant"},
    {"supercategory": "vehicle", "id": 2, "name": "bicycle"},
    {"supercategory": "vehicle", "id": 3, "name": "car"},
]
WHOLE = {"images": IMAGES, "annotations": ANNOTATIONS, "categories": CATEGORIES}


def read(folder, whole, **kwargs):
    text = whole if isinstance(whole, str) else json.dumps(whole)
    (folder / "c.json").write_text(text)
    return label_table.read_label_table(folder / "c.json", **kwargs)


@pytest.mark.parametrize("indent", [None, 1])
def test_categories_of_the_boxes_of_each_photo(tmp_path, log, indent):
    names, rows = read(
        tmp_path, json.dumps({"info": {}, **WHOLE}, indent=indent)
    )
    assert names == ["bicycle", "potted plant"]
    path = tmp_path / "c.json"
    assert [(row.id, row.labels, row.where) for row in rows] == [
        ("000000000139.jpg", (0, 1), f"{path}: images[0]"),
        ("000000000285.jpg", (1, 0), f"{path}: images[1]"),
    ]
    said = [record.getMessage() for record in log.records[:2]]
    assert said == [
        f"{path}: Read as COCO's annotations (--format=coco).",
        f"{path}: Ignored: no photo has 'car'.",
    ]


def test_photos_without_a_box_and_splits(tmp_path):
    images = [
        {"id": 1, "file_name": "a.jpg", "split": "val"},
        {"id": 2, "file_name": "b.jpg"},
    ]
    whole = WHOLE | {
        "images": images,
        "annotations": [{"image_id": 1, "category_id": 3}],
    }
    with pytest.raises(InputError, match=r"c.json: images\[1\]: no style is 1"):
        read(tmp_path, whole)
    _, rows = read(tmp_path, whole, allow_all_zero=True)
    assert [(r.labels, r.split) for r in rows] == [
        ((1,), "validation"),
        ((0,), None),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, ": expected COCO's .* images is no list"),
        ({"annotations": {}}, ": expected COCO's .* annotations is no list"),
        ({"categories": "a"}, ": expected COCO's .* categories is no list"),
        ({"images": []}, ": images is empty"),
        ({"annotations": []}, ": annotations is empty"),
        ({"images": [7]}, r": images\[0\]: expected an object, got 7"),
        (
            {"images": [{"id": 139}, IMAGES[1]]},
            r": images\[0\].file_name: expected a text, got none",
        ),
        (
            {"images": [{"id": 139, "file_name": 5}, IMAGES[1]]},
            r": images\[0\].file_name: expected a text, got 5",
        ),
        (
            {"images": IMAGES * 2},
            r": images\[2\].id: 139 is also .*images\[0\]",
        ),
        (
            {
                "images": [*IMAGES, {"id": 1, "file_name": "000000000285.jpg"}],
                "annotations": [
                    *ANNOTATIONS,
                    {"image_id": 1, "category_id": 64},
                ],
            },
            r": images\[2\]: .* is also at .*images\[1\], with other labels",
        ),
        ({"images": [{"id": "1"}]}, r": images\[0\].id: expected a whole num"),
        ({"images": [{"id": 1.0}]}, r": images\[0\].id: expected a whole num"),
        ({"images": [{"id": 10**30}]}, r": images\[0\].id: expected a whole"),
        (
            {"annotations": [{"image_id": 4, "category_id": 2}]},
            r": annotations\[0\].image_id: expected the id of one of images, g",
        ),
        (
            {"annotations": [{"image_id": 139, "category_id": 7}]},
            r": annotations\[0\].category_id: expected the id of one of categ",
        ),
        (
            {"annotations": [{"image_id": 139, "caption": "A plant."}]},
            r": annotations\[0\].category_id: .* categories, got none",
        ),
        (
            {"annotations": [{"image_id": True, "category_id": 2}]},
            r": annotations\[0\].image_id: .* got True",
        ),
        (
            {"categories": [CATEGORIES[0], {"id": 2, "name": "potted plant"}]},
            r": categories\[1\].name: 'potted plant' is also",
        ),
        (
            {"categories": [CATEGORIES[0], {"id": 2, "name": "Potted_plant"}]},
            r": categories\[.\]: the style's name .* would be taken for",
        ),
        ({"categories": [{"id": 2}]}, r": categories\[0\].name: expected a te"),
        ({"categories": [{"id": 2, "name": float("nan")}]}, ":1: .*NaN is no"),
    ],
)
def test_faults_have_their_place(tmp_path, change, message):
    whole = {k: v for k, v in (WHOLE | change).items() if v is not None}
    with pytest.raises(InputError, match=f"c.json{message}"):
        read(tmp_path, whole)


@pytest.mark.parametrize(
    "text", ["{}", "[1, 2]", '{\n"images": 3}', "[" * 10**5]
)
def test_json_that_is_none_of_coco(tmp_path, text):
    with pytest.raises(
        InputError, match=r"c.json(: expected COCO|:1: .*deeply)"
    ):
        read(tmp_path, text)


def test_broken_json_has_its_line(tmp_path):
    text = json.dumps(WHOLE, indent=1)
    with pytest.raises(InputError, match=r"c.json:3: no JSON: "):
        read(
            tmp_path,
            text.replace('"license"', "license", 1).replace("{\n  ", "{", 1),
        )
